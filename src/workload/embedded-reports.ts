import * as z from 'zod';
import type { LlamaTimings } from './printed-timings.js';
import type { WorkloadReports } from './running-workload.js';

const count = z.int().nonnegative();
/** Nanoseconds, CLOCK_MONOTONIC. */
const time = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform(BigInt);

const report = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('loading'), time, version: z.string().max(200), anonBytes: count }),
  z.strictObject({ kind: z.literal('loaded'), time }),
  z.strictObject({ kind: z.literal('prompt'), tokens: count }),
  z.strictObject({ kind: z.literal('promptDone'), time }),
  z.strictObject({ kind: z.literal('token'), time, index: count }),
]);
type Report = z.output<typeof report>;

/** What the embedded engine's process sends, a line of JSON each; `time` as decimal digits. */
export type SentReport = z.input<typeof report>;

/** In the order in which they come, each once; of tokens as many as were asked for. */
const order: readonly Report['kind'][] = ['loading', 'loaded', 'prompt', 'promptDone', 'token'];

/**
 * Takes the reports of the embedded engine's process, which has a user's rights and may be made to send anything: what does
 * not follow from what came before is refused, and a run keeps the rest.
 */
export class EmbeddedReports {
  #latest: bigint;
  #stage = -1;
  #token = -1;

  /** `startedAt`: no report is of before. */
  constructor(
    private readonly tokens: number,
    private readonly timings: LlamaTimings,
    startedAt = process.hrtime.bigint(),
  ) {
    this.#latest = startedAt;
  }

  /** `seenAt`: when the line arrived; no report is of later. */
  take(line: string, seenAt: bigint, workload: WorkloadReports): void {
    const sent = parsed(line);
    if (sent && this.#follows(sent, seenAt)) this.#tell(sent, workload);
    else workload.refuse(line);
  }

  #follows(sent: Report, seenAt: bigint): boolean {
    if ('time' in sent && (sent.time < this.#latest || sent.time > seenAt)) return false;
    const stage = order.indexOf(sent.kind);
    const again = sent.kind === 'token' && sent.index > this.#token;
    if (stage < this.#stage || (stage === this.#stage && !again)) return false;
    return sent.kind !== 'token' || sent.index < this.tokens;
  }

  #tell(sent: Report, workload: WorkloadReports): void {
    this.#stage = order.indexOf(sent.kind);
    if ('time' in sent) this.#latest = sent.time;
    if (sent.kind === 'loading') {
      workload.loadingSince = sent.time;
      workload.version = sent.version;
      workload.anonBeforeLoading = sent.anonBytes;
    } else if (sent.kind === 'prompt') {
      this.timings.promptTokens = sent.tokens;
    } else {
      if (sent.kind === 'token') this.#token = sent.index;
      workload.mark(sent);
    }
  }
}

function parsed(line: string): Report | null {
  try {
    return report.parse(JSON.parse(line));
  } catch {
    return null; // no JSON, or nothing that it sends
  }
}
