import { generationMs, parseLlamaTimings } from './llama-timings.js';
import type { LogLine } from './log-line.js';
import { parseDrafts, walksOf } from './speculation.js';

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

export interface OpenRequest extends ServedRequest {
  /** Lines with its figures, to be read together. */
  figures: string;
}

export function newRequest(id: string, startedAt: bigint): ServedRequest {
  const unknown = { promptTokens: null, promptTokensPerSecond: null, tokens: null, tokensPerSecond: null };
  const times = { startedAt, promptDoneAt: null, endedAt: null, tokenTimes: [] };
  return { id, ...times, ...unknown, walks: null, drafted: null };
}

/** The requests of one server, as its log tells of them. */
export class OpenRequests {
  readonly #open = new Map<string, OpenRequest>();
  /** Which task each slot works on. */
  readonly #slots = new Map<string, string>();
  readonly #done: OpenRequest[] = [];
  #counted = 0;
  /** Of the lines that continue a request's figures without naming it. */
  last: OpenRequest | null = null;

  begin(id: string | null, time: bigint, slot: string | null = null): OpenRequest {
    const name = id ?? `${++this.#counted}`;
    const before = this.#open.get(name);
    if (before) this.end(before, time);
    const request = { ...newRequest(name, time), figures: '' };
    this.#open.set(name, request);
    if (slot !== null) this.#slots.set(slot, name);
    this.last = request;
    return request;
  }

  /** Figures come when the last token is there, and say how long generating took: so the end of the prompt follows. */
  addFigures(line: LogLine): void {
    const { text, time } = line;
    const request = line.id === null && line.slot === null ? this.last : this.find(line);
    if (!request) return;
    this.last = request;
    request.figures += `${text}\n`;
    const ms = generationMs(request.figures);
    if (ms !== null && request.tokenTimes.length === 0)
      request.promptDoneAt ??= later(time - BigInt(Math.round(ms * 1e6)), request.startedAt);
  }

  token(request: OpenRequest | null, time: bigint): void {
    if (!request) return;
    request.promptDoneAt ??= time;
    request.tokenTimes.push(time);
  }

  end(request: OpenRequest | null, time: bigint): void {
    if (!request) return;
    request.endedAt = time;
    this.#open.delete(request.id);
    this.#done.push(request);
    if (this.last === request) this.last = null;
  }

  endAll(time: bigint): void {
    for (const request of [...this.#open.values()]) this.end(request, time);
  }

  /** What names neither task nor slot is about the one that there is, if there is one. */
  find({ id, slot }: Pick<LogLine, 'id' | 'slot'>): OpenRequest | null {
    const name = id ?? (slot === null ? null : (this.#slots.get(slot) ?? slot));
    if (name !== null) return this.#open.get(name) ?? null;
    return this.#open.size === 1 ? this.oldest() : null;
  }

  /** The one whose id is `id`, or begins it: servers add to it what tells parts of a request apart. */
  findNamed(id: string): OpenRequest | null {
    const own = id.replace(/^\d+_/, '');
    for (const request of this.#open.values())
      if (own === request.id || own.startsWith(`${request.id}-`)) return request;
    return null;
  }

  oldest(): OpenRequest | null {
    return [...this.#open.values()][0] ?? null;
  }

  /** Those without an end are still being worked on. */
  all(): ServedRequest[] {
    return [...this.#done, ...this.#open.values()].map(completed);
  }
}

function completed({ figures, ...request }: OpenRequest): ServedRequest {
  const printed = parseLlamaTimings(figures);
  const seen = request.tokenTimes.length;
  const tokens = printed.tokens ?? request.tokens ?? (seen > 0 ? seen : null);
  const drafts = parseDrafts(figures);
  const walks = drafts && tokens ? walksOf(tokens, drafts) : null;
  // A request's line of drafts comes after its figures, before its end.
  const toldOfNone = request.endedAt !== null && /\beval time\s*=/.test(figures) ? false : null;
  const drafted = drafts === null ? toldOfNone : true;
  return {
    ...request,
    promptTokens: printed.promptTokens ?? request.promptTokens,
    promptTokensPerSecond: printed.promptTokensPerSecond,
    tokens,
    tokensPerSecond: printed.tokensPerSecond,
    walks,
    drafted,
  };
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
