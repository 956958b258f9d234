import { durationMs, generationMs, parseLlamaTimings } from './llama-timings.js';
import { parseFlat } from './response-timings.js';
import { cannotDraft, parseDrafts, walksOf } from './speculation.js';

/** A request that a server worked on, by what it logged. Times on CLOCK_MONOTONIC, by its lines. */
export interface ServedRequest {
  /** As the server calls it; else counted. */
  id: string;
  startedAt: bigint;
  /** The prompt has been evaluated; null: not told. */
  promptDoneAt: bigint | null;
  /** null: it was still being worked on. */
  endedAt: bigint | null;
  /** Evaluated for it: what the server still knew from requests before is not counted. */
  promptTokens: number | null;
  promptTokensPerSecond: number | null;
  tokens: number | null;
  tokensPerSecond: number | null;
  /** Over the weights, where tokens were drafted. */
  walks: number | null;
  /** Whether tokens were drafted; null: not told. */
  drafted: boolean | null;
  /** When each token was logged, where the server logs each. */
  tokenTimes: bigint[];
}

/** What a line says, whatever its form: plain, `message | key=value`, or JSON. */
interface LogLine {
  text: string;
  /** The task that it is about, and the slot that works on it; null: not said. */
  id: string | null;
  slot: string | null;
  time: bigint;
}

interface OpenRequest extends ServedRequest {
  /** Lines with its figures, to be read together. */
  figures: string;
}

const waitsForRequests =
  /\bserver (?:is )?listening\b|\blistening (?:on|at) (?:https?:|[\d.[\]:]*:\d)|Uvicorn running on|Please connect to custom endpoint/i;

/**
 * Reads the log of a server as its lines come: llama.cpp's in all its forms since 2023 (so ollama's, which passes them on),
 * koboldcpp's, vLLM's requests, and ollama's own line for each request.
 *
 *     slot launch_slot_: id  0 | task 7 | processing task             it began
 *     slot process_toke: id  0 | task 7 | n_gen = 1, n_remaining = 2  a token; with -v alone
 *     slot print_timing: id  0 | task 7 | eval time = 4.59 ms / 8 tokens
 *     slot      release: id  0 | task 7 | stop processing             it is over
 */
export class ServerLog {
  readonly #open = new Map<string, OpenRequest>();
  /** Which task each slot works on. */
  readonly #slots = new Map<string, string>();
  readonly #done: OpenRequest[] = [];
  /** Lines of ollama's, which count only where the engine below it logs nothing. */
  readonly #answered: ServedRequest[] = [];
  /** Of the lines that continue a request's figures without naming it. */
  #last: OpenRequest | null = null;
  readonly #clock = new LogClock();
  #counted = 0;
  #listens = false;
  /** It was asked to draft and said that it goes on without. */
  cannotDraft = false;

  /** It waits for requests, so that it does not end by itself. */
  get isServer(): boolean {
    return this.#listens || this.requests().length > 0;
  }

  /** `seenAt`: when it was seen, which is later than it was written. */
  line(raw: string, seenAt: bigint): void {
    const time = this.#clock.timeOf(raw, seenAt);
    const line = logLine(raw, time);
    const { text } = line;
    if (/\bslot\b.*\bprocessing task\b|\bslot\b.*\bis processing\b/.test(text))
      this.#begin(line.id ?? line.slot, time, line.slot);
    else if (/\beval time\s*=|\btotal time\s*=|\bdraft acceptance\b/.test(text)) this.#figures(line);
    else if (/\bprint_timings?\b/.test(text)) this.#last = this.#find(line);
    else if (/\bslot\b.*\b(?:stop processing|released)\b/.test(text)) this.#end(line, time);
    else if (/\bn_(?:gen|decoded) = \d+, n_remaining\b/.test(text)) this.#token(this.#find(line), time);
    else this.#otherServers(line);
  }

  /** What was seen, in order of their beginning; those without an end are still being worked on. */
  requests(): ServedRequest[] {
    const found = [...this.#done, ...this.#open.values()].map(completed);
    const all: ServedRequest[] = found.length > 0 ? found : this.#answered;
    return all.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  }

  #otherServers({ text, time }: LogLine): void {
    if (cannotDraft(text)) this.cannotDraft = true;
    else if (waitsForRequests.test(text)) this.#listens = true;
    else if (/^\s*Generating\b[^(]*\(\d+ \/ \d+ tokens\)/.test(text)) {
      this.#token(this.#last ?? this.#begin(null, time), time);
    } else if (/^Input: \{|^\s*Processing Prompt\b/.test(text)) {
      if (!this.#last) this.#begin(null, time);
    } else if (/\bProcess(?:ing)?:.*\bGenerat(?:e|ion):/.test(text) && this.#last) {
      this.#last.figures += `${text}\n`;
      this.#endOf(this.#last, time);
    } else if (!this.#requestOfVllm(text, time)) this.#ollamaLine(text, time);
  }

  /** `Received request cmpl-1: ...`, `Finished request cmpl-1.`, and the line of its web server, whichever it prints. */
  #requestOfVllm(text: string, time: bigint): boolean {
    const [, what, id] = /\b(Received|Added|Finished|Aborted) request (\S+?)[:.]?(?:\s|$)/.exec(text) ?? [];
    if (id !== undefined) {
      const begins = what === 'Received' || what === 'Added';
      if (!begins) this.#end({ id, slot: null }, time);
      else if (!this.#open.has(id)) this.#begin(id, time);
      return true;
    }
    if (!/"POST \/v1\/(?:chat\/)?completions HTTP\/[\d.]+" \d+/.test(text)) return false;
    const [oldest] = this.#open.values();
    if (oldest) this.#endOf(oldest, time);
    return true;
  }

  /** `[GIN] 2026/06/01 - 12:00:00 | 200 | 1.234s | 127.0.0.1 | POST "/api/generate"`, when it is answered. */
  #ollamaLine(text: string, time: bigint): void {
    const form =
      /^\[GIN\].*\|\s*\d{3}\s*\|\s*(\S+)\s*\|.*\bPOST\s+"\/(?:api\/(?:generate|chat)|v1\/.*completions)"/;
    const ms = durationMs(form.exec(text)?.[1] ?? '');
    if (ms === null) return;
    const startedAt = time - BigInt(Math.round(ms * 1e6));
    this.#answered.push({ ...newRequest(`${this.#answered.length + 1}`, startedAt), endedAt: time });
  }

  #begin(id: string | null, time: bigint, slot: string | null = null): OpenRequest {
    const name = id ?? `${++this.#counted}`;
    const before = this.#open.get(name);
    if (before) this.#endOf(before, time);
    const request = { ...newRequest(name, time), figures: '' };
    this.#open.set(name, request);
    if (slot !== null) this.#slots.set(slot, name);
    this.#last = request;
    return request;
  }

  /** Figures come when the last token is there, and say how long generating took: so the end of the prompt follows. */
  #figures(line: LogLine): void {
    const { text, time } = line;
    const request = line.id === null && line.slot === null ? this.#last : this.#find(line);
    if (!request) return;
    this.#last = request;
    request.figures += `${text}\n`;
    const ms = generationMs(request.figures);
    if (ms !== null && request.tokenTimes.length === 0)
      request.promptDoneAt ??= later(time - BigInt(Math.round(ms * 1e6)), request.startedAt);
  }

  #token(request: OpenRequest | null, time: bigint): void {
    if (!request) return;
    request.promptDoneAt ??= time;
    request.tokenTimes.push(time);
  }

  #end(of: Pick<LogLine, 'id' | 'slot'>, time: bigint): void {
    const request = this.#find(of);
    if (request) this.#endOf(request, time);
  }

  #endOf(request: OpenRequest, time: bigint): void {
    request.endedAt = time;
    this.#open.delete(request.id);
    this.#done.push(request);
    if (this.#last === request) this.#last = null;
  }

  /** What names neither task nor slot is about the one that there is, if there is one. */
  #find({ id, slot }: Pick<LogLine, 'id' | 'slot'>): OpenRequest | null {
    const name = id ?? (slot === null ? null : (this.#slots.get(slot) ?? slot));
    if (name !== null) return this.#open.get(name) ?? null;
    return this.#open.size === 1 ? ([...this.#open.values()][0] as OpenRequest) : null;
  }
}

/**
 * When lines were written, by the time that they bear: several may be seen at once. The least difference between the two
 * clocks so far is that of a line that was seen at once.
 */
class LogClock {
  #offset: bigint | null = null;
  #before = 0n;

  timeOf(line: string, seenAt: bigint): bigint {
    const printed = printedTime(line);
    if (printed === null) return seenAt;
    const offset = seenAt - printed;
    // A time that goes back is another server's.
    if (this.#offset === null || printed < this.#before || offset < this.#offset) this.#offset = offset;
    this.#before = printed;
    return printed + this.#offset;
  }
}

/** Of llama.cpp's since 2024, from the start of its log: `0.00.529.716 I ` (minutes, seconds, ms, us), `"time":529716`. In ns. */
function printedTime(line: string): bigint | null {
  const [, minutes, seconds, ms, us] = /^(\d+)\.(\d\d)\.(\d{3})\.(\d{3}) [A-Z] /.exec(line) ?? [];
  if (minutes !== undefined)
    return 1000n * (BigInt(`${ms}${us}`) + 1_000_000n * (BigInt(seconds as string) + 60n * BigInt(minutes)));
  const json = /^\{"type":"log","time":(\d+),/.exec(line)?.[1];
  return json === undefined ? null : 1000n * BigInt(json);
}

function newRequest(id: string, startedAt: bigint): ServedRequest {
  const unknown = { promptTokens: null, promptTokensPerSecond: null, tokens: null, tokensPerSecond: null };
  const times = { startedAt, promptDoneAt: null, endedAt: null, tokenTimes: [] };
  return { id, ...times, ...unknown, walks: null, drafted: null };
}

function completed({ figures, ...request }: OpenRequest): ServedRequest {
  const { promptTokens, promptTokensPerSecond, tokens, tokensPerSecond } = parseLlamaTimings(figures);
  const seen = request.tokenTimes.length;
  const counted = tokens ?? (seen > 0 ? seen : null);
  const drafts = parseDrafts(figures);
  const walks = drafts && counted ? walksOf(counted, drafts) : null;
  // A request's line of drafts comes after its figures, before its end.
  const toldOfNone = request.endedAt !== null && /\beval time\s*=/.test(figures) ? false : null;
  const drafted = drafts === null ? toldOfNone : true;
  return {
    ...request,
    promptTokens,
    promptTokensPerSecond,
    tokens: counted,
    tokensPerSecond,
    walks,
    drafted,
  };
}

function logLine(raw: string, time: bigint): LogLine {
  const fields = raw.trimStart().startsWith('{') ? parseFlat(raw) : null;
  const said = fields?.msg ?? fields?.message;
  if (!fields || typeof said !== 'string') return { text: raw, id: idIn(raw), slot: slotIn(raw), time };
  const text = typeof fields.function === 'string' ? `${fields.function}: ${said}` : said;
  const number = (value: unknown) => (typeof value === 'number' && value >= 0 ? String(value) : null);
  return {
    text,
    id: number(fields.id_task ?? fields.task_id) ?? idIn(text),
    slot: number(fields.id_slot ?? fields.slot_id) ?? slotIn(text),
    time,
  };
}

/** A task of -1 is none. */
function idIn(text: string): string | null {
  const task = /\| task (\d+)|\b(?:id_task|task_id)=(\d+)|\btask id: (\d+)/.exec(text);
  return task?.[1] ?? task?.[2] ?? task?.[3] ?? null;
}

function slotIn(text: string): string | null {
  const slot = /\bslot\b[^|]*\bid\s+(\d+)|\b(?:id_slot|slot_id)=(\d+)|\bslot (\d+)\b/.exec(text);
  return slot?.[1] ?? slot?.[2] ?? slot?.[3] ?? null;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
