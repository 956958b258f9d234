import { formatSize } from '../memory/size.js';
import type { Model } from '../model/gguf.js';
import { tensorUses } from '../model/uses.js';
import type { Engine, WorkloadOptions } from './engine.js';
import { usesPageCache } from './loading.js';

/**
 * Types of weights for which llama.cpp has a layout of its own on CPUs: while loading it copies them into that, unless it is
 * told not to. Which of them on a machine depends on its CPU and on the build; of others, floats among them, it uses the
 * pages of the file.
 */
const packedTypes = ['Q4_0', 'Q8_0', 'Q2_K', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_NL', 'MXFP4'] as const;

const packed: ReadonlySet<string> = new Set(packedTypes);

/** What of a model an engine is going to copy, in bytes; tables of rows are never packed. */
export interface ForeseenCopy {
  copiedBytes: number;
  /** Of what may be packed at all. */
  ofBytes: number;
  types: string[];
}

/**
 * What of a model goes into memory of the program's own for its layout; null where the engine is told to keep all mapped, or
 * where the load mode copies everything anyway (loading-notes.ts tells of that).
 */
export function foreseenCopy(model: Model, engine: Engine, options: WorkloadOptions): ForeseenCopy | null {
  const loading = engine.loading?.(options);
  if (!engine.packs?.(options) || (loading && !usesPageCache(loading))) return null;
  const uses = tensorUses(model);
  const used = model.tensors.filter(({ name }) => uses.get(name)?.kind !== 'rows');
  const copied = used.filter(({ type, shape }) => packed.has(type) && shape.length > 1);
  const sum = (tensors: readonly { bytes: number }[]) =>
    tensors.reduce((total, { bytes }) => total + bytes, 0);
  if (copied.length === 0) return null;
  return {
    copiedBytes: sum(copied),
    ofBytes: sum(used),
    types: [...new Set(copied.map(({ type }) => type))].sort(),
  };
}

/** One line for before the run: how much, and what keeps it mapped. */
export function copyLine({ copiedBytes, types }: ForeseenCopy, engine: Engine): string {
  const what = `about ${formatSize(copiedBytes)} of the weights (${types.join(', ')}) will be copied into memory of the program's own: their reads are those of loading, and limits, pins and readahead then act on a copy`;
  return `${what}; ${mendOf(engine)}`;
}

/** What the engine keeps mapped, for doctor. */
export function keptMapped(engine: Engine): string {
  if (!engine.packs?.({ model: 'model.gguf', log: '' }))
    return 'weights of all types stay mapped (no-repack, unless --repack is given)';
  const types = packedTypes.join(', ');
  return `weights in F32, F16 and BF16 stay mapped; ${types} are copied where the CPU has a layout for them; ${mendOf(engine)}`;
}

function mendOf({ name }: Engine): string {
  return name === 'embedded'
    ? "to keep them mapped name llama.cpp's own program with --llama, or use a model in F16"
    : 'to keep them mapped leave out --repack, with a llama.cpp of 2025 or later, or use a model in F16';
}
