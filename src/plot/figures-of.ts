import { accessFigure } from './access.js';
import { gapFigure, sizeFigure, timesReadFigure } from './bars.js';
import { cumulativeFigure } from './cumulative.js';
import { curveFigure } from './curve.js';
import type { PlotFigure, View } from './figure.js';
import { fragmentFigure } from './fragments.js';
import { expertFigure, tokenLayerFigure } from './heat.js';
import type { RunFigureKind } from './kinds.js';
import { latencyFigure } from './latency.js';
import { residencyFigure } from './residency.js';
import type { RunData } from './run-data.js';
import { timelineFigure } from './timeline.js';
import { tokenTimeFigure } from './token-time.js';

type Maker = (runs: readonly [RunData, ...RunData[]], view?: View) => PlotFigure | null;

/** How each figure is made; those of one run take the first. */
export const makers: Record<string, Maker> = {
  access: ([run], view) => accessFigure(run, 'role', 'file', view),
  timeline: ([run], view) => timelineFigure(run, view),
  residency: ([run]) => residencyFigure(run),
  cumulative: (runs, view) => cumulativeFigure(runs, view),
  'token-time': ([run]) => tokenTimeFigure(run),
  heat: ([run]) => tokenLayerFigure(run),
  experts: ([run]) => expertFigure(run),
  'times-read': (runs) => timesReadFigure(runs),
  gaps: (runs) => gapFigure(runs),
  latency: (runs, view) => latencyFigure(runs, view),
  sizes: (runs) => sizeFigure(runs),
  curve: ([run]) => curveFigure(run),
  fragments: ([run]) => fragmentFigure(run),
} satisfies Record<RunFigureKind, Maker>;

/** Those that show several runs on the same axes. */
export const ofSeveral = ['cumulative', 'times-read', 'gaps', 'latency', 'sizes'] as const;
