import type { RunData } from './run-data.js';

/** What follows from a run's data alone, worked out once for each run: a figure is drawn anew with each step of a view. */
export function oncePerRun<T>(make: (run: RunData) => T): (run: RunData) => T {
  const made = new WeakMap<RunData, { value: T }>();
  return (run) => {
    const known = made.get(run) ?? { value: make(run) };
    made.set(run, known);
    return known.value;
  };
}
