import type { ByteRange } from '../native/memory.js';

/** What is to be held: ranges of each part, and what they mean. Sizes in bytes. */
export interface PinPlan {
  /** In the order of the model's parts; a part may have none. */
  parts: { path: string; ranges: ByteRange[] }[];
  bytes: number;
  /** What of each tensor is held, those of which anything is, the first to be held first. */
  tensors: { name: string; bytes: number; heldBytes: number }[];
  /** What a token needs of the model for sure, on average; with what it may use besides (unknown uses); what is held of it. */
  touchedBytes: number;
  touchedMostBytes: number;
  savedBytes: number;
  /** The same as a share of what a token most likely uses, 0 to 1; 0 where it uses nothing. */
  savedShare: number;
  /** What is read for each token beside that; null: what the kernel brings in. */
  stream: StreamPlan | null;
}

/** A piece of a model that is read for each token: whole pages of the part with this index. */
export interface StreamPiece {
  part: number;
  offset: number;
  bytes: number;
}

/** What is read for each token, ahead of it, and dropped behind it. */
export interface StreamPlan {
  /** In the order in which tokens use them. */
  pieces: StreamPiece[];
  bytes: number;
  /** Pieces that are held ahead of the one in use. */
  ahead: number;
}
