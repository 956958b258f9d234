// One of two sessions that start at one moment; start-race.test.ts tells it when.
import { Tracer } from '../../src/capture/tracer.js';
import type { BlkscopeError } from '../../src/errors.js';

/** `startAt`, `stopAt`: when, on CLOCK_MONOTONIC, in ns. */
export type RaceOrder = { startAt: string } | { stopAt: string };
export type RaceAnswer = { did: 'start' | 'stop' } | { refused: string; code: string };

const disk = process.argv[2] as string;
let tracer: Tracer | null = null;

const answer = (said: RaceAnswer) => process.send?.(said);

function until(time: string): void {
  while (process.hrtime.bigint() < BigInt(time));
}

process.on('message', async (order: RaceOrder) => {
  if ('stopAt' in order) {
    until(order.stopAt);
    await tracer?.[Symbol.asyncDispose]();
    answer({ did: 'stop' });
    return;
  }
  until(order.startAt);
  try {
    tracer = Tracer.start({ devices: [disk], source: 'ftrace', deliver: false });
    answer({ did: 'start' });
  } catch (error) {
    const { code, message } = error as BlkscopeError;
    answer({ code, refused: message });
  }
});
