import { setTimeout as sleep } from 'node:timers/promises';
import { Tracer } from '../../capture/tracer.js';
import { BlkscopeError } from '../../errors.js';
import { requireRoot } from '../../experiment/requirements.js';
import { topPicture } from '../../live/picture.js';
import { TopTable } from '../../live/top-table.js';
import { mountTracing } from '../../machine/mounts.js';
import { noProgress } from '../../machine/progress.js';
import { recover } from '../../machine/recover.js';
import { Steps } from '../../machine/steps.js';
import { native } from '../../native/binding.js';
import { openedFiles } from '../../process/opened-files.js';
import { FullScreen } from '../full-screen.js';
import { requireTerminal } from '../screen.js';
import { withSession } from '../session.js';

export interface TopFlags {
  attach?: number;
  mount?: boolean;
}

/** How often the table is made. */
const everyMs = 1000;
/**
 * How long events gather before they are looked at. Unasked, they come fifty times a second, and a batch costs memory for 65,536 events
 * however few it has.
 */
const gatherMs = 200;
const fullBatch = 65536;

export async function showTop(
  device: string | undefined,
  { attach, mount = false }: TopFlags,
): Promise<void> {
  requireTerminal('top');
  requireRoot();
  recover();
  const disk = diskOf(device, attach);
  await withSession(async ({ signal }) => {
    const steps = new Steps(noProgress, signal);
    try {
      if (mount) await mountTracing(steps);
      await using tracer = Tracer.start({ devices: [disk], signal });
      await follow(tracer, disk, attach ?? null, signal);
    } finally {
      await steps.undo();
    }
  });
}

/** Until the user quits or the signal aborts. */
async function follow(
  tracer: Tracer,
  disk: string,
  attach: number | null,
  signal: AbortSignal,
): Promise<void> {
  const table = new TopTable(attach);
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const stop = () => {
    over.abort();
    tracer.stop();
  };
  const title = attach === null ? disk : `${disk}, process ${attach}`;
  let rows = table.take(1);
  let cost: number | null = null;
  const screen = new FullScreen({
    quit: stop,
    interrupt: stop,
    resize: () => draw(),
  });
  const draw = () => screen.draw(topPicture(rows, title, screen.columns, screen.rows, cost));
  let last = performance.now();
  let used = process.cpuUsage();
  const timer = setInterval(() => {
    const now = performance.now();
    const { user, system } = process.cpuUsage(used);
    used = process.cpuUsage();
    rows = table.take((now - last) / 1000);
    cost = (user + system) / 1000 / (now - last);
    last = now;
    draw();
  }, everyMs);
  try {
    draw();
    for await (const batch of tracer) {
      table.add(batch);
      if (batch.length < fullBatch) await pause(gatherMs, ended);
    }
  } finally {
    clearInterval(timer);
    screen.end();
  }
  signal.throwIfAborted();
}

/** Until the time is over or the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return sleep(ms, undefined, { signal }).catch(() => undefined);
}

function diskOf(device: string | undefined, attach: number | undefined): string {
  if (device !== undefined && !device.includes('/')) return device;
  if (device?.startsWith('/dev/')) return device.slice('/dev/'.length);
  if (attach === undefined || device !== undefined) return native.fileDevice(device ?? process.cwd()).disk;
  const [largest] = openedFiles(attach);
  if (largest) return native.fileDevice(largest.path).disk;
  throw new BlkscopeError(
    'NO_DEVICE',
    `--attach ${attach}: that process is gone or has no file open; name the device`,
  );
}
