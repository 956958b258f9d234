import { answeredIn } from './answered-line.js';
import { LogClock, type LogLine, logLine, ownLine } from './log-line.js';
import { newRequest, OpenRequests, type ServedRequest } from './open-requests.js';
import { koboldLine, llamafileLine, vllmLine } from './other-servers.js';
import { cannotDraft } from './speculation.js';

const waitsForRequests =
  /\bserver (?:is )?listening\b|\blistening (?:on|at) (?:https?:|[\d.[\]:]*:\d)|Uvicorn running on|Starting vLLM (?:API )?server|Please connect to custom endpoint/i;

/**
 * Reads the log of a server as its lines come, whoever has passed them on. A llama-server that serves several models starts
 * one below it for each, and writes their lines with their ports before them: each of these has its own tasks and clock.
 */
export class ServerLog {
  readonly #servers = new Map<string, LogOfOne>();

  /** It waits for requests, so that it does not end by itself. */
  get isServer(): boolean {
    return this.#all.some((server) => server.isServer);
  }

  /** It was asked to draft and said that it goes on without. */
  get cannotDraft(): boolean {
    return this.#all.some((server) => server.cannotDraft);
  }

  /** `seenAt`: when it was seen, which is later than it was written. */
  line(raw: string, seenAt: bigint): void {
    const { text, port } = ownLine(raw);
    const server = this.#servers.get(port) ?? new LogOfOne();
    this.#servers.set(port, server);
    server.line(text, seenAt);
  }

  /** What was seen, in order of their beginning; those without an end are still being worked on. */
  requests(): ServedRequest[] {
    return [...this.#servers]
      .flatMap(([port, server]) =>
        server.requests().map((each) => (port === '' ? each : { ...each, id: `${port}/${each.id}` })),
      )
      .toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  }

  get #all(): LogOfOne[] {
    return [...this.#servers.values()];
  }
}

/**
 * llama.cpp's server in all its forms since 2023 (so ollama's, which passes its lines on), and others.
 *
 *     slot launch_slot_: id  0 | task 7 | processing task             it began
 *     slot process_toke: id  0 | task 7 | n_gen = 1, n_remaining = 2  a token; with -v alone
 *     slot print_timing: id  0 | task 7 | eval time = 4.59 ms / 8 tokens
 *     slot      release: id  0 | task 7 | stop processing             it is over
 */
class LogOfOne {
  readonly #requests = new OpenRequests();
  /** Told in one line each; they count only where there is no more detailed log, as of the engine below ollama. */
  readonly #answered: ServedRequest[] = [];
  readonly #clock = new LogClock();
  #listens = false;
  cannotDraft = false;

  get isServer(): boolean {
    return this.#listens || this.requests().length > 0;
  }

  requests(): ServedRequest[] {
    const found = this.#requests.all();
    return found.length > 0 ? found : this.#answered;
  }

  line(raw: string, seenAt: bigint): void {
    const time = this.#clock.timeOf(raw, seenAt);
    const line = logLine(raw, time);
    const { text } = line;
    const requests = this.#requests;
    if (/\bslot\b.*\bprocessing task\b|\bslot\b.*\bis processing\b/.test(text))
      requests.begin(line.id ?? line.slot, time, line.slot);
    else if (/\beval time\s*=|\btotal time\s*=|\bdraft acceptance\b/.test(text)) requests.addFigures(line);
    else if (/\bprint_timings?\b/.test(text)) requests.last = requests.find(line);
    else if (/\bslot\b.*\b(?:stop processing|released)\b/.test(text)) requests.end(requests.find(line), time);
    else if (/\bn_(?:gen|decoded) = \d+, n_remaining\b/.test(text)) requests.token(requests.find(line), time);
    else this.#others(line);
  }

  #others(line: LogLine): void {
    const { text } = line;
    if (cannotDraft(text)) this.cannotDraft = true;
    else if (waitsForRequests.test(text)) this.#listens = true;
    else if (![koboldLine, vllmLine, llamafileLine].some((read) => read(line, this.#requests)))
      this.#answer(line);
  }

  #answer({ text, time }: LogLine): void {
    const answered = answeredIn(text);
    if (!answered) return;
    const { ms, ...figures } = answered;
    const startedAt = time - BigInt(Math.round(ms * 1e6));
    const id = `${this.#answered.length + 1}`;
    this.#answered.push({ ...newRequest(id, startedAt), ...figures, endedAt: time });
  }
}
