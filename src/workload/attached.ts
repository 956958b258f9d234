import { closeSync, realpathSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { sudoCaller } from '../files/caller.js';
import { asCaller, type Identity } from '../files/identity.js';
import { callerFinds, openToRead } from '../files/read.js';
import { onAbort } from '../process/on-abort.js';
import {
  type ProcessCounters,
  type ProcessFacts,
  processCounters,
  processFacts,
  stillRuns,
  writtenFiles,
} from '../process/process-facts.js';
import { commandIsLlama } from './command.js';
import type { Mark, RunningWorkload, WorkloadOutcome } from './engine.js';
import { loadedLine } from './llama-output.js';
import { loadingOf } from './loading.js';
import { LogTail } from './log-tail.js';
import { servedGeneration, servedMarks, servedTimings } from './served.js';
import { ServerLog } from './server-log.js';
import { speculates } from './speculation.js';
import { judgeWeights } from './weights.js';
import { completedTimings, settledMarks } from './workload-timings.js';
import { WorkloadWatch } from './workload-watch.js';

export interface AttachOptions {
  /** Files that its log is written to by somebody else, such as a journal's or a container's. */
  logs?: readonly string[];
  /** Looking ends after this time; default: with the process. */
  durationMs?: number;
  /** Aborting it ends looking. */
  signal?: AbortSignal;
  onMark?: (mark: Mark) => void;
}

/** What is known of the end of another's process: so often it is looked whether it still runs. */
const lookEveryMs = 100;

/** A log is open all the time; of what else a process writes not more than this is looked at. */
const mostLogs = 8;

/**
 * The process to be watched. Throws BlkscopeError NO_PROCESS, or NOT_ATTACHABLE for blkscope itself and for kernel threads.
 */
export function processToAttach(pid: number): ProcessFacts {
  const facts = processFacts(pid);
  if (!facts) {
    throw new BlkscopeError(
      'NO_PROCESS',
      `--attach ${pid}: no process has this id (pgrep -a llama lists those of llama.cpp)`,
    );
  }
  if (facts.pid === process.pid)
    throw new BlkscopeError(
      'NOT_ATTACHABLE',
      `--attach ${pid}: this is blkscope itself; name the process of the server`,
    );
  if (facts.argv.length === 0)
    throw new BlkscopeError(
      'NOT_ATTACHABLE',
      `--attach ${pid}: a thread of the kernel, which uses no model; name the process of the server`,
    );
  return facts;
}

/** Files that its log is written to, as they are called. Throws BlkscopeError NO_LOG for what cannot be one. */
export function logsToFollow(paths: readonly string[]): string[] {
  return paths.map((path) => {
    try {
      closeSync(openToRead(path));
      return asCaller(() => realpathSync(path));
    } catch (error) {
      throw new BlkscopeError(
        'NO_LOG',
        `--log ${path}: ${callerFinds(path) ? 'it cannot be read as a file' : 'there is no such file'}; name a file that the log of the process is appended to`,
        'usage',
        { cause: error },
      );
    }
  });
}

/**
 * Looks at a process that runs, and its descendants, until `durationMs` is over, `signal` aborts or the process ends. It is
 * only looked at: nothing is sent to it, and nothing of it is changed.
 *
 * Its log, where it writes one into a file, tells of its requests; see server-log.ts.
 */
export function attach(facts: ProcessFacts, options: AttachOptions): RunningWorkload {
  const attached = new Attached(facts, options);
  return { pid: facts.pid, done: attached.run(), stop: async () => attached.stop() };
}

class Attached {
  readonly #startedAt = process.hrtime.bigint();
  readonly #watch: WorkloadWatch;
  readonly #log = new ServerLog();
  readonly #tails: LogTail[] = [];
  readonly #logs: string[] = [];
  readonly #marks: Mark[] = [];
  readonly #before: ProcessCounters | null;
  /** The last that was seen: after the end there is nothing to be looked at. */
  #counters: ProcessCounters | null;
  #end: () => void = () => {};
  readonly #over = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(
    private readonly facts: ProcessFacts,
    private readonly options: AttachOptions,
  ) {
    this.#watch = new WorkloadWatch(facts.pid);
    this.#watch.look({ files: true });
    this.#before = processCounters(facts.pid);
    this.#counters = this.#before;
    for (const { descriptor, path } of writtenFiles(facts.pid).slice(0, mostLogs))
      this.#follow(descriptor, path, null);
    for (const path of options.logs ?? [])
      if (!this.#logs.includes(path)) this.#follow(path, path, sudoCaller());
    this.#mark({ kind: 'started', time: this.#startedAt });
  }

  stop(): void {
    this.#end();
  }

  async run(): Promise<WorkloadOutcome> {
    const { durationMs, signal } = this.options;
    const limit = durationMs === undefined ? null : setTimeout(this.#end, durationMs);
    const timer = setInterval(() => this.#look(), lookEveryMs);
    using _ = onAbort(signal, this.#end);
    await this.#over;
    clearInterval(timer);
    if (limit) clearTimeout(limit);
    const ended = !stillRuns(this.facts);
    const endedAt = process.hrtime.bigint();
    if (!ended) {
      this.#watch.look({ files: true });
      this.#count();
    }
    this.#watch.stop();
    for (const tail of this.#tails) tail.close();
    return this.#outcome(ended, endedAt);
  }

  #mark(mark: Mark): void {
    this.#marks.push(mark);
    this.options.onMark?.(mark);
  }

  #look(): void {
    if (stillRuns(this.facts)) this.#count();
    else this.#end();
  }

  #count(): void {
    this.#counters = processCounters(this.facts.pid) ?? this.#counters;
  }

  /** What cannot be followed with these rights is no log. */
  #follow(descriptor: string, path: string, identity: Identity): void {
    const onLine = (line: string, time: bigint) => {
      // A server that loads models when they are asked for does so while it is looked at.
      if (loadedLine.test(line) && !this.#marks.some(({ kind }) => kind === 'loaded'))
        this.#mark({ kind: 'loaded', time });
      this.#log.line(line, time);
    };
    try {
      this.#tails.push(new LogTail(descriptor, 'end', onLine, identity));
      this.#logs.push(path);
    } catch {}
  }

  #outcome(ended: boolean, endedAt: bigint): WorkloadOutcome {
    const { pid, argv, environment } = this.facts;
    const requests = this.#log.requests();
    const timings = servedTimings(requests);
    const marks = settledMarks([...this.#marks, ...servedMarks(requests)], timings.tokens, endedAt);
    const files = this.#watch.files.filter(({ large }) => large);
    const modelBytes = files.reduce((sum, { bytes }) => sum + bytes, 0) || null;
    const modelMappedBytes = files.reduce((sum, { mappedBytes }) => sum + mappedBytes, 0);
    const { highest } = this.#watch;
    const grown = (key: keyof ProcessCounters) => difference(this.#counters?.[key], this.#before?.[key]);
    return {
      engine: 'attached',
      argv,
      version: null,
      exitCode: null,
      signalName: null,
      timedOut: false,
      logLeftOutBytes: 0,
      startedAt: this.#startedAt,
      endedAt,
      wallNs: endedAt - this.#startedAt,
      marks: [...marks, { kind: 'ended', time: endedAt }],
      timings: { ...completedTimings(timings, marks, this.#startedAt), loadNs: null },
      generation: servedGeneration(
        requests,
        speculates(argv, undefined, environment) && !this.#log.cannotDraft,
      ),
      loading: commandIsLlama(argv) ? loadingOf(argv, undefined, environment) : null,
      readBytes: grown('readBytes'),
      weights: judgeWeights({
        modelBytes,
        mappedBytes: modelMappedBytes,
        anonBytes: highest?.anonBytes ?? null,
      }),
      modelBytes,
      modelMappedBytes,
      loadedAnonBytes: highest?.anonBytes ?? null,
      rssAnonBytes: highest?.anonBytes ?? null,
      rssFileBytes: highest?.fileBytes ?? null,
      lockedBytes: highest?.lockedBytes ?? null,
      peakRssBytes: highest?.peakBytes ?? null,
      majorFaults: grown('majorFaults'),
      minorFaults: grown('minorFaults'),
      openedFiles: this.#watch.files,
      errorLine: null,
      requests,
      attached: { pid, ended, logs: this.#logs },
    };
  }
}

function difference(now: number | null | undefined, before: number | null | undefined): number | null {
  return now == null || before == null ? null : Math.max(0, now - before);
}
