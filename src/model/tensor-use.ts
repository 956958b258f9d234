/**
 * What a token of plain text generation uses of a tensor.
 *
 * - `whole`: all of it;
 * - `rows`: so many rows that are looked up; `most` is above `least` where the file does not tell their number;
 * - `experts`: so many of those that it stacks;
 * - `none`: nothing by this path; another uses it, or none does;
 * - `unknown`: nobody here knows. It may be all or nothing, and figures that rest on it are ranges.
 */
export type TensorUse =
  | { kind: 'whole' | 'unknown' }
  | { kind: 'rows' | 'experts'; of: number; least: number; most: number }
  | { kind: 'none'; path: OtherPath };

/** What uses a tensor that no token of plain generation does. */
export type OtherPath =
  /** Pictures and sound, before they are tokens. */
  | 'vision'
  | 'audio'
  /** The prompt of a model with an encoder. */
  | 'encoder'
  /** Guessing further tokens. */
  | 'draft'
  /** Weights that are added to another model's when it is loaded. */
  | 'adapter'
  /** Loaded and left alone by llama.cpp. */
  | 'nothing';
