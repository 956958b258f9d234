/** Figures by their kinds, in the order in which a page shows them; each is made by `makers`. */
const runFigureKinds = [
  'access',
  'timeline',
  'residency',
  'cumulative',
  'token-time',
  'heat',
  'experts',
  'times-read',
  'gaps',
  'latency',
  'sizes',
  'curve',
  'fragments',
] as const;
export type RunFigureKind = (typeof runFigureKinds)[number];

/** What `plot --kind` takes: those, and two of groups of runs. */
export const plotKinds = [...runFigureKinds, 'cliff', 'foreseen'];

/** What colours of the access map tell. */
export const colourModes = ['role', 'times', 'size'] as const;
export type ColourMode = (typeof colourModes)[number];

/** Where the access map has its places. */
export const orderModes = ['file', 'disk'] as const;
export type OrderMode = (typeof orderModes)[number];
