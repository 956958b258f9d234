import { BlkscopeError } from '../errors.js';

/** Refuses early what would fail late: tracing needs root, and nobody wants to wait for the eviction to learn it. */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new BlkscopeError('EPERM', 'tracing the block layer needs root: run it with sudo', 'unsupported');
}
