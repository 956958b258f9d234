import { existsSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import { mountedAt, tracingMounts } from '../machine/mounts.js';
import type { TraceOptions } from './trace-options.js';

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
