import type { ChildProcess } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { readModel } from '../model/gguf.js';
import { modelFiles } from '../model/model-files.js';
import { type LaunchOptions, launch } from '../process/launch.js';
import { onAbort } from '../process/on-abort.js';
import { OutputPipe } from '../process/output-pipe.js';
import { faultsOfEndedChildren, readBytesOfEndedChildren } from '../process/process-memory.js';
import { signalTree } from '../process/process-tree.js';
import type {
  EngineName,
  Generation,
  Mark,
  RunningWorkload,
  WorkloadOptions,
  WorkloadOutcome,
} from './engine.js';
import { type ExpectedOutput, LlamaOutput, loadedLine } from './llama-output.js';
import { generationMs } from './llama-timings.js';
import type { Loading } from './loading.js';
import { Lines } from './log-tail.js';
import { modelBuffers, packedBytes } from './model-buffers.js';
import type { LlamaTimings } from './printed-timings.js';
import { servedGeneration, servedMarks, servedTimings } from './served.js';
import { ServerLog } from './server-log.js';
import { cannotDraft, parseDrafts, toldWithoutDrafts, walksOf } from './speculation.js';
import { judgeWeights } from './weights.js';
import { errorLineOf, WorkloadLog } from './workload-log.js';
import { completedTimings, settledMarks } from './workload-timings.js';
import { WorkloadWatch } from './workload-watch.js';

/** What an engine says of the workload that is to be run; all the rest is the same for every engine. */
export interface WorkloadPlan {
  engine: EngineName;
  argv: string[];
  version: string | null;
  options: WorkloadOptions;
  /** How it loads its model; null: not known. */
  loading: Loading | null;
  /** Whether its command line asks for speculative decoding. Default: it does not. */
  drafts?: boolean;
  /** How its output is read for marks. Without it the output goes into the log alone. */
  output?: ExpectedOutput;
  /** Without `output`: it may be a server, whose log tells of its requests. */
  logsRequests?: boolean;
  /**
   * Tokens that it has generated if it ends well. The count where a program printed none: llama.cpp 0.7.0 may
   * exit before its logging thread has written the last lines.
   */
  tokensWhenDone?: number | null;
  /** Called for each line of a child that reports through a pipe of its own, and when it arrived. */
  onReport?: (line: string, time: bigint, workload: WorkloadReports) => void;
  /** Reads the timings out of what it printed; `version` is for programs that tell only there. */
  timings(log: WorkloadLog): { timings: LlamaTimings; version?: string | null };
}

/** What a child that reports by itself may tell. */
export interface WorkloadReports {
  mark(mark: Mark): void;
  /** A line that is no report of its. */
  refuse(line: string): void;
  /**
   * When it began to load the model, if later than its start by more than llama.cpp's programs take
   * (milliseconds).
   */
  loadingSince: bigint | null;
  /** Anonymous memory that the process had before it loaded the model, in bytes. */
  anonBeforeLoading: number;
  version: string | null;
}

/** SIGTERM is answered within a token; where a token takes longer than this, SIGKILL follows. */
const killAfterMs = 3_000;

/** Output that comes after the end: what was in the pipes. A pause of this length in it only a forgotten child makes. */
const drainMs = 1_000;
const drainAtMostMs = 10_000;

/** A report is a line of less characters; of one that is refused so many are told. */
const mostOfReport = 4096;
const shownOfRefused = 80;

/** Starts a workload and watches over it to its end. */
export async function startWorkload(plan: WorkloadPlan): Promise<RunningWorkload> {
  const { model, modelParts: known } = plan.options;
  const files = known ?? (model === undefined ? [] : modelFiles(model));
  // /proc names files by their real paths.
  const modelParts = files.map(({ path, bytes }) => ({ path: realpathSync(path), bytes }));
  const log = new WorkloadLog(plan.options.log, plan.argv, { sink: plan.options.output });
  try {
    const workload = await Workload.start(plan, log, modelParts);
    return { pid: workload.pid, done: workload.run(), stop: (signal) => workload.stop(signal) };
  } catch (error) {
    log.close();
    throw error;
  }
}

/** llama-cli of 2026 asks a server within itself, and ends after its answer. */
function endsByItself([program = '', command]: readonly string[]): boolean {
  return basename(program) === 'llama-cli' || command === 'cli';
}

function launchOptions({ options: { launch = {}, env = {} }, loading }: WorkloadPlan): LaunchOptions {
  const locksMemory = loading?.mode.includes('mlock') ?? false;
  return { ...launch, locksMemory, env: { ...launch.env, ...env } };
}

interface Exit {
  code: number | null;
  signal: string | null;
  time: bigint;
}

class Workload implements WorkloadReports {
  anonBeforeLoading = 0;
  loadingSince: bigint | null = null;
  version: string | null;
  readonly #marks: Mark[] = [];
  readonly #watch: WorkloadWatch;
  readonly #faultsBefore;
  readonly #readBefore = readBytesOfEndedChildren();
  readonly #exited: Promise<Exit>;
  #drained: Promise<unknown> = Promise.resolve();
  #hangUp = () => {};
  readonly #streams: Readable[] = [];
  /** How often something of its output was read. */
  #reads = 0;
  #output: LlamaOutput | null = null;
  readonly #lines: Lines[] = [];
  readonly #served = new ServerLog();
  #refused: { count: number; first: string } | null = null;
  #timedOut = false;
  #stopped = false;

  private constructor(
    private readonly plan: WorkloadPlan,
    private readonly log: WorkloadLog,
    private readonly modelParts: readonly { path: string; bytes: number }[],
    private readonly child: ChildProcess,
    readonly pid: number,
    startedAt: bigint,
    faultsBefore: ReturnType<typeof faultsOfEndedChildren>,
  ) {
    this.version = plan.version;
    this.#faultsBefore = faultsBefore;
    this.#watch = new WorkloadWatch(pid);
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal, time: process.hrtime.bigint() }));
    });
    this.mark({ kind: 'started', time: startedAt });
  }

  static async start(
    plan: WorkloadPlan,
    log: WorkloadLog,
    modelParts: { path: string; bytes: number }[],
  ): Promise<Workload> {
    const pipe = new OutputPipe({ packets: plan.output !== undefined });
    const reports = plan.onReport ? new OutputPipe() : null;
    const faultsBefore = faultsOfEndedChildren();
    try {
      const { child, pid, startedAt } = await launch(plan.argv, launchOptions(plan), {
        stdout: pipe.writer,
        // One pipe for both keeps them in their order; what is handed on stays apart.
        stderr: plan.output || typeof plan.options.output === 'function' ? 'pipe' : pipe.writer,
        ...(reports ? { reports: reports.writer } : {}),
      });
      const workload = new Workload(plan, log, modelParts, child, pid, startedAt, faultsBefore);
      workload.#readOutput(pipe);
      if (reports) workload.#readReports(reports);
      return workload;
    } catch (error) {
      pipe.discard();
      reports?.discard();
      throw error;
    }
  }

  mark(mark: Mark): void {
    this.#marks.push(mark);
    this.plan.options.onMark?.(mark);
    // The files of a program that is over within the first 0.2 s would else be missed.
    if (mark.kind === 'loaded' || mark.kind === 'promptDone') this.#watch.look({ files: true });
  }

  refuse(line: string): void {
    this.#refused ??= { count: 0, first: line.slice(0, shownOfRefused) };
    this.#refused.count++;
  }

  /** Sends `signal`, and SIGKILL when that did not end it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopped = true;
    signalTree(this.pid, signal);
    const kill = setTimeout(() => signalTree(this.pid, 'SIGKILL'), killAfterMs);
    await this.#exited;
    clearTimeout(kill);
  }

  async run(): Promise<WorkloadOutcome> {
    const { timeLimitMs, signal } = this.plan.options;
    const onLimit = () => {
      this.#timedOut = true;
      void this.stop();
    };
    const limit = timeLimitMs === undefined ? null : setTimeout(onLimit, timeLimitMs);
    using _ = onAbort(signal, () => void this.stop());
    const exit = await this.#exited;
    const faults = faultsOfEndedChildren();
    const read = readBytesOfEndedChildren();
    if (limit) clearTimeout(limit);
    this.#watch.stop();
    await this.#drain();
    for (const stream of this.#streams) stream.destroy();
    for (const lines of this.#lines) lines.end(process.hrtime.bigint());
    this.mark({ kind: 'ended', time: exit.time });
    try {
      return await this.#outcome(exit, faults, read);
    } finally {
      this.log.close();
    }
  }

  #readOutput(pipe: OutputPipe): void {
    const { reader } = pipe;
    this.#hangUp = () => pipe.closeWriter();
    const { output: expected } = this.plan;
    const output = expected ? new LlamaOutput(expected, (mark) => this.mark(mark)) : null;
    this.#output = output;
    const read = (stream: Readable, name: 'stdout' | 'stderr') => {
      this.#streams.push(stream);
      const lines = this.plan.logsRequests ? this.#serverLines() : null;
      return new Promise((resolve) => {
        stream.on('data', (chunk: Buffer) => {
          const time = process.hrtime.bigint();
          this.#reads++;
          this.log.append(name, chunk);
          output?.[name](chunk.toString(), time);
          lines?.add(chunk, time);
        });
        stream.once('close', resolve).once('error', resolve);
      });
    };
    const { stderr } = this.child;
    this.#drained = Promise.all([read(reader, 'stdout'), ...(stderr ? [read(stderr, 'stderr')] : [])]);
  }

  /** Of what may be a server: the lines that its log tells of its requests in. */
  #serverLines(): Lines {
    const lines = new Lines((line, time) => {
      const loaded = this.#marks.some(({ kind }) => kind === 'loaded');
      if (!loaded && loadedLine.test(line)) this.mark({ kind: 'loaded', time });
      this.#served.line(line, time);
    });
    this.#lines.push(lines);
    return lines;
  }

  async #drain(): Promise<void> {
    await this.#empty();
    this.#hangUp();
    let over = false;
    const drained = this.#drained.then(() => {
      over = true;
    });
    const began = performance.now();
    for (let before = -1; !over && before < this.#reads && performance.now() - began < drainAtMostMs; ) {
      before = this.#reads;
      await Promise.race([drained, sleep(drainMs, undefined, { ref: false })]);
      await nextTurn(); // on a busy machine the timer is over before what is there was read
    }
  }

  /**
   * Reads what the workload left in the pipe. Until then our own end keeps it open: libuv takes a hang-up for the end of
   * a pipe whose last read was shorter than its buffer, which a packet always is, and the packets behind it would be lost.
   */
  async #empty(): Promise<void> {
    for (let before = -1; before < this.#reads; ) {
      before = this.#reads;
      await sleep(1);
      await nextTurn(); // between two turns all that is there is looked at
    }
  }

  #readReports(pipe: OutputPipe): void {
    const { reader } = pipe;
    const outputToo = this.#hangUp;
    this.#hangUp = () => {
      outputToo();
      pipe.closeWriter();
    };
    const lines = new Lines((line, time) => this.plan.onReport?.(line, time, this), mostOfReport);
    this.#streams.push(reader);
    const ended = new Promise((resolve) => {
      reader.on('data', (chunk: Buffer) => {
        this.#reads++;
        lines.add(chunk, process.hrtime.bigint());
      });
      reader.once('close', resolve).once('error', resolve);
    });
    const told = ended.then(() => lines.end(process.hrtime.bigint()));
    this.#drained = Promise.all([this.#drained, told]);
  }

  async #outcome(
    exit: Exit,
    faults: ReturnType<typeof faultsOfEndedChildren>,
    read: number | null,
  ): Promise<WorkloadOutcome> {
    const requests = this.#served.requests();
    const { timings: printed, version } = this.plan.timings(this.log);
    const timings = requests.length === 0 ? printed : servedTimings(requests);
    const marks = settledMarks([...this.#marks, ...servedMarks(requests)], timings.tokens, exit.time);
    const tokens = timings.tokens ?? (exit.code === 0 ? (this.plan.tokensWhenDone ?? null) : null);
    const startedAt = (marks[0] as Mark).time;
    const failed = exit.code !== 0 && !this.#stopped;
    const model = this.#model();
    const buffers = modelBuffers(this.log.tail());
    const highest = this.#watch.highest;
    return {
      engine: this.plan.engine,
      argv: this.plan.argv,
      version: version ?? this.version,
      exitCode: exit.code,
      signalName: exit.signal,
      timedOut: this.#timedOut,
      startedAt,
      endedAt: exit.time,
      wallNs: exit.time - startedAt,
      marks,
      timings: completedTimings(
        { ...timings, tokens },
        marks,
        this.loadingSince ?? startedAt,
        this.plan.onReport !== undefined,
      ),
      loading: this.plan.loading,
      readBytes: read === null || this.#readBefore === null ? null : read - this.#readBefore,
      generation:
        requests.length === 0
          ? this.#generation(tokens, exit.time)
          : servedGeneration(requests, this.#asksToDraft && !this.#served.cannotDraft),
      ...(this.#served.isServer ? { requests, stopped: this.#stopped && !endsByItself(this.plan.argv) } : {}),
      weights: judgeWeights({
        modelBytes: model.bytes,
        mappedBytes: model.mappedBytes,
        anonBytes: highest && highest.anonBytes - this.anonBeforeLoading,
        packedBytes: buffers && packedBytes(buffers),
      }),
      buffers,
      loadedAnonBytes: highest && highest.anonBytes - this.anonBeforeLoading,
      modelBytes: model.bytes,
      modelMappedBytes: model.mappedBytes,
      rssAnonBytes: highest?.anonBytes ?? null,
      rssFileBytes: highest?.fileBytes ?? null,
      lockedBytes: highest?.lockedBytes ?? null,
      peakRssBytes: highest?.peakBytes ?? null,
      majorFaults: faults.major - this.#faultsBefore.major,
      minorFaults: faults.minor - this.#faultsBefore.minor,
      openedFiles: this.#watch.files,
      logLeftOutBytes: this.log.leftOutBytes,
      ...(this.#refused ? { refusedReports: this.#refused } : {}),
      errorLine: failed ? await this.#errorLine(exit.signal) : null,
    };
  }

  get #asksToDraft(): boolean {
    return this.plan.drafts ?? false;
  }

  #generation(tokens: number | null, exitedAt: bigint): Generation | null {
    // A benchmark's tests are no generation of one text.
    if (tokens === null || this.plan.output?.style === 'bench') return null;
    const printed = this.log.tail();
    const drafts = parseDrafts(printed);
    const endedAt = this.#output ? (this.#output.doneAt ?? exitedAt) : null;
    const ms = generationMs(printed);
    return {
      tokens,
      walks: drafts && walksOf(tokens, drafts),
      speculative:
        drafts !== null || (this.#asksToDraft && !cannotDraft(printed) && !toldWithoutDrafts(printed)),
      startedAt: endedAt === null || ms === null ? null : endedAt - BigInt(Math.round(ms * 1e6)),
      endedAt,
    };
  }

  /** Where the program's own last words were lost, the model itself may tell what is wrong with it. */
  async #errorLine(signal: string | null): Promise<string | null> {
    const line = errorLineOf(this.log.tail(), signal);
    const { model } = this.plan.options;
    if (line !== null || signal !== null || model === undefined) return line;
    return readModel(model).then(
      () => null,
      (error: Error) => error.message,
    );
  }

  /**
   * Size of the model that was named, else of the large files that were found, and how much of it was mapped.
   */
  #model(): { bytes: number | null; mappedBytes: number } {
    const named = new Set(this.modelParts.map(({ path }) => path));
    const files = this.#watch.files.filter(({ path, large }) => (named.size > 0 ? named.has(path) : large));
    const size = (named.size > 0 ? this.modelParts : files).reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      bytes: size || null,
      mappedBytes: files.reduce((sum, { mappedBytes }) => sum + mappedBytes, 0),
    };
  }
}
