import { BlkscopeError } from '../errors.js';
import type { Model, ModelTensor } from '../model/gguf.js';
import { touchedBytes } from '../model/uses.js';
import { walkOrder } from '../model/walk-order.js';
import { native } from '../native/binding.js';
import type { ByteRange } from '../native/memory.js';
import { PageBudget } from './page-budget.js';
import { planPins } from './pin-plan.js';
import type { PinPlan, StreamPiece } from './plan.js';

/**
 * Readahead for what a workload still faults in itself beside a stream: the rows of the embedding table. More would take
 * the memory that the stream needs.
 */
export const streamReadAheadKib = 32;

/** A huge page: as one, it costs the kernel a fraction of its small pages. */
const leastPieceBytes = 2 * 2 ** 20;
/** Each is a mapping of its own to the kernel, which allows 65,530. */
const mostPieces = 16384;
/** With 8 MiB pieces come too late where the machine is busy; what is beyond 12 is worth more pinned. */
const windowBytes = 12 * 2 ** 20;
const leastAhead = 4;
/** In use, or used and not yet dropped: the native stream's. */
const behind = 3;
/** A piece may hold parts of so many tensors that follow one another. */
const mostSpan = 4;

/** What a stream takes of the memory. */
export function streamWindowBytes(model: Model): number {
  return (aheadOf(model) + behind) * pieceBytesOf(model);
}

function pieceBytesOf(model: Model): number {
  let bytes = leastPieceBytes;
  while (model.bytes / bytes > mostPieces) bytes *= 2;
  return bytes;
}

function aheadOf(model: Model): number {
  return Math.max(leastAhead, windowBytes / pieceBytesOf(model));
}

/**
 * Holds `budgetBytes` of a dense model and streams the rest. What is streamed is spread evenly over a token's walk, so that
 * the disk reads while the token computes with what is held.
 *
 * Throws BlkscopeError NOT_A_WALK for a mixture of experts: what its next token reads is not known.
 */
export function planStream(model: Model, budgetBytes: number): PinPlan {
  if (model.experts) {
    throw new BlkscopeError(
      'NOT_A_WALK',
      `${model.path}: --stream is for dense models, since it is not known which experts the next token reads; use --pin with --plan`,
    );
  }
  const walk = walkOrder(model);
  const pieceBytes = pieceBytesOf(model);
  const rest = walk.reduce((sum, { bytes }) => sum + bytes, 0) - budgetBytes;
  const candidates = wholePieces(walk, pieceBytes);
  const count = Math.min(candidates.length, Math.ceil(rest / pieceBytes));
  const ahead = aheadOf(model);
  // So little fits the window itself: nothing would be gained.
  if (count <= ahead + behind) return planPins(model, budgetBytes);
  const pieces = Array.from(
    { length: count },
    (_, i) => candidates[Math.floor(((i + 0.5) * candidates.length) / count)] as StreamPiece,
  );
  return heldBeside(model, walk, pieces, budgetBytes, ahead);
}

/** Pieces that tokens use at one time, in the order of their use: those of one tensor, or of tensors that follow one another. */
function wholePieces(walk: readonly ModelTensor[], pieceBytes: number): StreamPiece[] {
  const users = new Map<string, { piece: StreamPiece; first: number; last: number; used: number }>();
  walk.forEach(({ part, offset, bytes }, place) => {
    for (let at = Math.floor(offset / pieceBytes); at * pieceBytes < offset + bytes; at++) {
      const start = at * pieceBytes;
      const used = Math.min(offset + bytes, start + pieceBytes) - Math.max(offset, start);
      const key = `${part}.${at}`;
      const known = users.get(key);
      users.set(key, {
        piece: { part, offset: start, bytes: pieceBytes },
        first: Math.min(known?.first ?? place, place),
        last: Math.max(known?.last ?? place, place),
        used: (known?.used ?? 0) + used,
      });
    }
  });
  // Between tensors lies padding, of a few bytes each.
  const whole = (used: number) => used > pieceBytes * 0.999;
  return [...users.values()]
    .filter(({ first, last, used }) => last - first <= mostSpan && whole(used))
    .sort((a, b) => a.first - b.first || a.piece.offset - b.piece.offset)
    .map(({ piece }) => piece);
}

/** The plan that holds all of the walk but these pieces, as far as the budget goes, in whole pages. */
function heldBeside(
  model: Model,
  walk: readonly ModelTensor[],
  pieces: StreamPiece[],
  budgetBytes: number,
  ahead: number,
): PinPlan {
  const parts = model.parts.map(({ path }) => ({ path, ranges: [] as ByteRange[] }));
  const byPart = model.parts.map((_, part) =>
    pieces.filter((piece) => piece.part === part).sort((a, b) => a.offset - b.offset),
  );
  const tensors: PinPlan['tensors'] = [];
  const budget = new PageBudget(budgetBytes, native.pageBytes());
  for (const tensor of walk) {
    let heldBytes = 0;
    for (const { offset, bytes } of without(tensor, byPart[tensor.part] ?? [])) {
      const held = budget.spent ? 0 : budget.take(tensor.part, offset, bytes);
      if (held === 0) break;
      parts[tensor.part]?.ranges.push({ offset, bytes: held });
      heldBytes += held;
    }
    if (heldBytes > 0) tensors.push({ name: tensor.name, bytes: tensor.bytes, heldBytes });
  }
  const heldBytes = tensors.reduce((sum, tensor) => sum + tensor.heldBytes, 0);
  const touched = touchedBytes(model);
  return {
    parts,
    bytes: heldBytes,
    tensors,
    touchedBytes: touched.least,
    touchedMostBytes: touched.most,
    savedBytes: heldBytes,
    savedShare: Math.min(1, heldBytes / touched.least),
    stream: { pieces, bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0), ahead },
  };
}

/** A tensor's bytes outside the pieces, which are sorted. */
function without({ offset, bytes }: ModelTensor, pieces: readonly StreamPiece[]): ByteRange[] {
  const ranges: ByteRange[] = [];
  const end = offset + bytes;
  let at = offset;
  for (const piece of pieces) {
    if (piece.offset + piece.bytes <= at) continue;
    if (piece.offset >= end) break;
    if (piece.offset > at) ranges.push({ offset: at, bytes: piece.offset - at });
    at = Math.min(end, piece.offset + piece.bytes);
  }
  if (at < end) ranges.push({ offset: at, bytes: end - at });
  return ranges;
}
