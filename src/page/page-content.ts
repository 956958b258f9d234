import type { CliffPoint, ForeseenReads } from '../plot/cliff.js';
import type { RunData } from '../plot/run-data.js';

/** What a page's script is given. */
export interface PageContent {
  kind: 'run' | 'compare';
  runs: RunData[];
  cliff: { points: CliffPoint[]; foreseen: ForeseenReads[] } | null;
}
