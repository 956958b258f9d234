import { setTimeout as sleep } from 'node:timers/promises';
import { pin, pinPlan } from '../../api/memory.js';
import { BlkscopeError } from '../../errors.js';
import { given } from '../../experiment/trace-options.js';
import { availableMemory } from '../../memory/locked-memory.js';
import { formatSize } from '../../memory/size.js';
import { readModel } from '../../model/gguf.js';
import type { PinPlan } from '../../pin/plan.js';
import { streamReadAheadKib } from '../../pin/stream-plan.js';
import { environmentOf } from '../../process/environment.js';
import { printable } from '../../report/printable.js';
import { runBeside } from '../../workload/beside.js';
import { print } from '../screen.js';
import { withSession } from '../session.js';

export interface PinFlags {
  model: string;
  budget?: number;
  leave?: number;
  plan?: string;
  stream?: boolean;
  dryRun?: boolean;
  env?: string[];
  json?: boolean;
}

/** How often the files are looked at while they are held. */
const checkMs = 1000;

export async function holdPinned(command: string[], flags: PinFlags): Promise<void> {
  const env = environmentOf(flags.env ?? []);
  await withSession(async ({ progress, signal }) => {
    const model = await readModel(flags.model);
    for (const note of model.notes) progress.warn(note);
    const options = given({ budgetBytes: budget(flags), plan: flags.plan, stream: flags.stream });
    if (flags.dryRun) {
      tell(await pinPlan(model, options), flags.json ?? false);
      return;
    }
    progress.step(`pin ${model.path}`);
    await using pinned = await pin(model, {
      ...options,
      signal,
      onProgress: (text) => progress.update(text),
    });
    progress.end();
    tell(pinned.plan, flags.json ?? false);
    const until = command.length > 0 ? 'released when the command ends' : 'Ctrl-C releases it';
    progress.step(`${formatSize(pinned.bytes)} held; ${until}`);
    const over = new AbortController();
    const watching = watched(() => pinned.check(), AbortSignal.any([signal, over.signal]));
    if (command.length === 0) return await watching;
    // A changed file ends the command: what is held is no longer what it reads.
    watching.catch((error: unknown) => over.abort(error));
    try {
      await runBeside(command, AbortSignal.any([signal, over.signal]), env);
    } finally {
      over.abort();
    }
  });
}

function budget({ budget, leave }: PinFlags): number | undefined {
  if (leave === undefined) return budget;
  const bytes = availableMemory() - leave;
  if (bytes > 0) return bytes;
  throw new BlkscopeError(
    'NO_HEADROOM',
    `--leave: only ${formatSize(availableMemory())} are available, so ${formatSize(leave)} cannot be left; ask for less`,
    'busy',
  );
}

function savedShare({ savedShare, touchedBytes, touchedMostBytes }: PinPlan): string {
  if (touchedMostBytes === 0) return ': the file lists no weights that a token uses';
  const [least, most] = [touchedBytes, touchedMostBytes].map((bytes) => formatSize(Math.round(bytes)));
  const range = touchedMostBytes > touchedBytes ? `${least} to ${most}` : least;
  return `; of the ${range} that a token uses they hold ${(savedShare * 100).toFixed(1)} %`;
}

const tensorsShown = 12;

function tell(plan: PinPlan, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(plan, null, 2)}\n`);
    return;
  }
  const lines = plan.tensors
    .slice(0, tensorsShown)
    .map(
      ({ name, bytes, heldBytes }) =>
        `${formatSize(heldBytes).padStart(12)} of ${formatSize(bytes).padEnd(10)} ${printable(name)}`,
    );
  const more = plan.tensors.length - tensorsShown;
  if (more > 0) lines.push(`             and ${more} more tensors`);
  lines.push(`${formatSize(plan.bytes).padStart(12)} in all${savedShare(plan)}`);
  if (plan.stream)
    lines.push(
      `${formatSize(plan.stream.bytes).padStart(12)} more are read just before each token needs them; set the disk's readahead to ${streamReadAheadKib} KiB to leave memory for that`,
    );
  print(`${lines.join('\n')}\n`);
}

/** Looks at the files until the signal aborts; rejects when one was changed. */
async function watched(check: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(checkMs, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await check();
  }
}
