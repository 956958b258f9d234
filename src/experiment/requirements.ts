import { existsSync } from 'node:fs';
import { Tracer } from '../capture/tracer.js';
import type { TracerOptions } from '../capture/tracer-options.js';
import { BlkscopeError } from '../errors.js';
import { mountedAt, mountTracing, tracingMounts } from '../machine/mounts.js';
import { noProgress, type Progress } from '../machine/progress.js';
import { recover } from '../machine/recover.js';
import { Steps } from '../machine/steps.js';
import { native } from '../native/binding.js';
import { type TraceOptions, tracerOptions } from './trace-options.js';

/** Refuses early what would fail late: tracing needs root, and nobody wants to wait for the eviction to learn it. */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new BlkscopeError('EPERM', 'tracing the block layer needs root: run it with sudo', 'unsupported');
}

/** Refuses a filter for a thread that is not there. */
export function requireThread({ pid }: Pick<TraceOptions, 'pid'>): void {
  if (!pid || existsSync(`/proc/${pid}`)) return;
  throw new BlkscopeError(
    'NO_THREAD',
    `--pid ${pid}: no thread has this id; nothing would be traced (ps -eL lists them)`,
  );
}

/** What each source reads from; `auto` takes either. */
const mountsOf = { relay: ['debugfs'], ftrace: ['tracefs'], auto: ['tracefs', 'debugfs'] };

/** Refuses where nothing is mounted that the source could read from, and nobody asked to mount it. */
export function requireTracing(
  { source = 'auto', mount }: Pick<TraceOptions, 'source'> & { mount?: boolean },
  mounted: (type: string) => unknown = mountedAt,
): void {
  const types = mountsOf[source];
  if (mount || types.some((type) => mounted(type))) return;
  const missing = tracingMounts.find(({ type }) => type === types[0]) ?? tracingMounts[0];
  throw new BlkscopeError(
    `NO_${missing.type.toUpperCase()}`,
    `${missing.type} is not mounted: mount -t ${missing.type} nodev ${missing.target} (or give --mount)`,
    'unsupported',
  );
}

/**
 * Traces for a moment, before anything else is done to the machine: a busy tracer, a missing right or a bad option shows
 * now and not after the model was evicted. Throws what the tracer throws.
 */
export async function tryTracing(steps: Steps, options: TracerOptions): Promise<void> {
  await steps.step('try the tracer', async () => {
    await Tracer.start(options)[Symbol.asyncDispose]();
  });
}

/**
 * The same for many runs at once, on the disk that holds `folder`: what keeps one of them from being traced keeps all.
 *
 * Throws BlkscopeError.
 */
export async function requireTraceable(
  folder: string,
  options: TraceOptions & { mount?: boolean },
  progress: Progress = noProgress,
): Promise<void> {
  requireRoot();
  recover(); // what a killed session left would be taken for another tracer
  requireTracing(options);
  const steps = new Steps(progress);
  try {
    if (options.mount) await mountTracing(steps);
    const disk = diskOf(folder);
    if (disk !== null) await tryTracing(steps, tracerOptions(options, [disk], []));
  } finally {
    await steps.undo();
  }
}

/** null: it lies on none that can be traced, which the run of its own file tells. */
function diskOf(path: string): string | null {
  try {
    return native.fileDevice(path).disk;
  } catch {
    return null;
  }
}
