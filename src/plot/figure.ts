import type { Size, Svg } from './svg.js';

/** A table's worth of data: what a figure shows, for a file beside it. */
export interface FigureTable {
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
}

/** A figure of one run or of several. */
export interface PlotFigure {
  /** Its name for `plot --kind` and in links. */
  kind: string;
  title: string;
  /** What is to be seen in it, in a sentence. */
  note: string;
  /** Of the height that suits a width. */
  heightFor(width: number): number;
  draw(size: Size): Svg;
  table(): FigureTable;
}

/** Times that a figure over time shows, in seconds from the start of the trace. */
export interface View {
  from: number;
  to: number;
}
