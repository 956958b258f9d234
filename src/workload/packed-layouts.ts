import { cpuFeatures } from '../machine/cpu-features.js';
import { formatSize } from '../memory/size.js';
import type { Model, ModelTensor } from '../model/gguf.js';
import { tensorUses } from '../model/uses.js';
import type { Engine, Packing, WorkloadOptions } from './engine.js';
import { usesPageCache } from './loading.js';

/** Types of weights for which llama.cpp has a layout of its own, and what a processor must be able to do for it. */
interface Layout {
  needs: string;
  types: readonly string[];
  /** With tile registers, which a program may decline. */
  tiles?: boolean;
}

/**
 * As llama.cpp of 2026 chooses. While loading it copies what has a layout, unless it is told not to; of other types it uses
 * the pages of the file. Older builds have fewer.
 */
const layouts: readonly Layout[] = [
  { needs: 'avx2', types: ['Q4_0', 'Q4_K', 'IQ4_NL', 'MXFP4'] },
  { needs: 'avx512f', types: ['Q2_K'] },
  {
    needs: 'amx_int8',
    types: ['F16', 'Q4_0', 'Q4_1', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_XS'],
    tiles: true,
  },
  { needs: 'asimddp', types: ['Q4_0', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_NL', 'MXFP4'] },
];

/** Layouts hold so many rows side by side; what has no such number of rows keeps its own. */
const rowsTogether = 8;

/** What of a model an engine is going to copy, in bytes; tables of rows are never packed. */
export interface ForeseenCopy {
  copiedBytes: number;
  /** Of what may be packed at all. */
  ofBytes: number;
  types: string[];
}

/**
 * What of a model goes into memory of the program's own for its layout, on a processor with these features; null where the
 * engine is told to keep all mapped, or where the load mode copies everything anyway (loading-notes.ts tells of that).
 */
export function foreseenCopy(
  model: Model,
  engine: Engine,
  options: WorkloadOptions,
  features = cpuFeatures(),
): ForeseenCopy | null {
  const loading = engine.loading?.(options);
  const packing = engine.packs?.(options) ?? 'none';
  if (loading && !usesPageCache(loading)) return null;
  const uses = tensorUses(model);
  const used = model.tensors.filter(({ name }) => uses.get(name)?.kind !== 'rows');
  const copied = used.filter((tensor) => isPacked(tensor, packing, features));
  const sum = (tensors: readonly { bytes: number }[]) =>
    tensors.reduce((total, { bytes }) => total + bytes, 0);
  if (copied.length === 0) return null;
  return {
    copiedBytes: sum(copied),
    ofBytes: sum(used),
    types: [...new Set(copied.map(({ type }) => type))].sort(),
  };
}

/** Experts are stacked in a third dimension, which tile registers do not take. */
function isPacked({ type, shape }: ModelTensor, packing: Packing, features: ReadonlySet<string>): boolean {
  if (shape.length < 2 || (shape[1] ?? 0) % rowsTogether !== 0) return false;
  return layoutsOf(packing, features).some(
    ({ types, tiles }) => types.includes(type) && !(tiles && shape.length > 2),
  );
}

function layoutsOf(packing: Packing, features: ReadonlySet<string>): Layout[] {
  if (packing === 'none') return [];
  return layouts.filter(({ needs, tiles = false }) => features.has(needs) && (!tiles || packing === 'tiles'));
}

/** One line for before the run: how much, and what keeps it mapped. */
export function copyLine({ copiedBytes, types }: ForeseenCopy, engine: Engine): string {
  const what = `about ${formatSize(copiedBytes)} of the weights (${types.join(', ')}) will be copied into memory of the program's own: their reads are those of loading, and limits, pins and readahead then act on a copy`;
  return `${what}; ${mendOf(engine, types)}`;
}

/** What the engine keeps mapped on this machine, for doctor. */
export function keptMapped(engine: Engine, features = cpuFeatures()): string {
  const packing = engine.packs?.({ model: 'model.gguf', log: '' }) ?? 'none';
  if (packing === 'none') return 'weights of all types stay mapped (no-repack, unless --repack is given)';
  const types = [...new Set(layoutsOf(packing, features).flatMap((layout) => layout.types))].sort();
  if (types.length === 0)
    return 'weights of all types stay mapped: llama.cpp has no layout for this processor';
  return `weights in ${types.join(', ')} are copied into layouts for this processor, all others stay mapped; ${mendOf(engine, types)}`;
}

function mendOf({ name }: Engine, types: readonly string[]): string {
  const other = types.includes('F16') ? 'BF16' : 'F16';
  return name === 'embedded'
    ? `to keep them mapped name llama.cpp's own program with --llama, or use a model in ${other}`
    : `to keep them mapped leave out --repack, with a llama.cpp of 2025 or later, or use a model in ${other}`;
}
