import { greatest } from '../extremes.js';
import type { TracedFile } from '../machine/traced-files.js';
import type { Model, ModelTensor } from '../model/gguf.js';
import { tensorUses } from '../model/uses.js';
import { fileIdentity } from '../process/file-identity.js';
import type { FileRange } from '../process/opened-files.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import { tooSmallToTell } from '../workload/weights.js';

/**
 * Where a workload keeps a tensor: `mapped` from its file, `copied` into memory of its own, `both` (mapped, and a copy of it
 * that tokens use: a layout that suits the CPU).
 */
export type WeightsPlace = 'mapped' | 'copied' | 'both';

/** A model, and which bytes of its files were mapped, by its parts. */
export interface MappedModel {
  model: Model;
  mapped: readonly (readonly FileRange[])[];
}

/** What a program needs beside its weights, about: with less than this nothing says that weights were copied too. */
const otherBuffersBytes = 32 * 2 ** 20;

/**
 * Where the tensors of each model were, by name; null where it cannot be told (too small a model, no look at the process). A
 * program maps what it reads from the page cache and lets go of the rest; what is not mapped was copied, if its memory is
 * large enough. Memory beyond that is copies of what is mapped as well, but for tables of rows, which are never changed.
 *
 * `anonBytes`: the highest anonymous memory, less what the process had before it loaded a model. It is that of all models
 * together, and what it shows of copies is taken for each of them.
 */
export function weightPlaces(
  models: readonly MappedModel[],
  anonBytes: number,
): (Map<string, WeightsPlace> | null)[] {
  const judged = models.map(({ model, mapped }) => {
    const uses = tensorUses(model);
    const isTable = ({ name }: ModelTensor) => uses.get(name)?.kind === 'rows';
    const inMapping = model.tensors.filter((tensor) => mostlyWithin(tensor, mapped[tensor.part] ?? []));
    const others = model.tensors.filter((tensor) => !inMapping.includes(tensor));
    return { inMapping, others, isTable, changeable: inMapping.filter((tensor) => !isTable(tensor)) };
  });
  const sum = (key: 'others' | 'changeable') => judged.reduce((total, each) => total + sizeOf(each[key]), 0);
  const copied = anonBytes > 0 && anonBytes >= sum('others') / 2;
  const both =
    sum('changeable') > 0 && anonBytes - sum('others') >= sum('changeable') / 2 + otherBuffersBytes;
  const all = models.reduce((total, { model }) => total + model.bytes, 0);
  return judged.map(({ inMapping, others, isTable }) => {
    if (tooSmallToTell(all) || (inMapping.length === 0 && !copied)) return null;
    return new Map([
      ...inMapping.map((tensor): [string, WeightsPlace] => [
        tensor.name,
        both && !isTable(tensor) ? 'both' : 'mapped',
      ]),
      ...(copied ? others.map(({ name }): [string, WeightsPlace] => [name, 'copied']) : []),
    ]);
  });
}

/** Which bytes of these files a workload that has ended had mapped. */
export function mappedOf(
  { openedFiles }: WorkloadOutcome,
  files: readonly TracedFile[],
): MappedModel['mapped'] {
  const mapped = new Map<string, FileRange[]>();
  for (const file of openedFiles) {
    const identity = fileIdentity(file.path);
    mapped.set(identity, [...(mapped.get(identity) ?? []), ...file.mapped]);
  }
  return files.map(({ path }) => mapped.get(fileIdentity(path)) ?? []);
}

/** The word for a model: where most of what tokens use is. Of a copy the mapping beside it is not used. */
export function mainPlace(model: Model, places: ReadonlyMap<string, WeightsPlace>): 'mapped' | 'copied' {
  const uses = tensorUses(model);
  const used = model.tensors.filter(({ name }) => !['rows', 'none'].includes(uses.get(name)?.kind ?? ''));
  const { mapped, copied, both } = bytesByPlace(used.length > 0 ? used : model.tensors, places);
  return copied + both > mapped ? 'copied' : 'mapped';
}

/** Sizes of tensors by where they were. */
export function bytesByPlace(
  tensors: readonly ModelTensor[],
  places: ReadonlyMap<string, WeightsPlace>,
): Record<WeightsPlace, number> {
  const bytes = { mapped: 0, copied: 0, both: 0 };
  for (const tensor of tensors) {
    const place = places.get(tensor.name);
    if (place) bytes[place] += tensor.bytes;
  }
  return bytes;
}

function mostlyWithin({ offset, bytes }: ModelTensor, ranges: readonly FileRange[]): boolean {
  const within = ranges.map((range) => {
    const end = Math.min(offset + bytes, range.offset + range.bytes);
    return Math.max(0, end - Math.max(offset, range.offset));
  });
  return greatest(within) >= bytes / 2;
}

function sizeOf(tensors: readonly ModelTensor[]): number {
  return tensors.reduce((sum, { bytes }) => sum + bytes, 0);
}
