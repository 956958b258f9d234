/**
 * Does `action` when `signal` aborts, at once where it has aborted already: an event that is over is told to nobody.
 * Disposing of what it returns calls it off.
 */
export function onAbort(signal: AbortSignal | undefined, action: () => void): Disposable {
  signal?.addEventListener('abort', action, { once: true });
  if (signal?.aborted) action();
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', action) };
}
