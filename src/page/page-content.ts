import type { CliffPoint, CurveLine } from '../plot/cliff.js';
import type { ForeseenPoint } from '../plot/foreseen.js';
import type { RunData } from '../plot/run-data.js';

/** What a page's script is given. */
export interface PageContent {
  kind: 'run' | 'compare';
  runs: RunData[];
  cliff: { points: CliffPoint[]; curves: CurveLine[] } | null;
  foreseen: ForeseenPoint[];
}
