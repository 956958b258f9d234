/** The longest that a timer takes. */
const longestMs = 2 ** 31 - 1;

/** Keeps the process alive, whose event loop knows nothing of native threads, until what it returns is called. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, longestMs);
  return () => clearInterval(timer);
}
