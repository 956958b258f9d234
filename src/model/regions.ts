import { append } from '../extremes.js';
import type { Model, ModelTensor } from './gguf.js';
import { placeOf, type RegionRole } from './roles.js';

/** A run of bytes of a model that serves one purpose. `offset` and `bytes` in bytes, in the part with this index. */
export interface Region {
  part: number;
  offset: number;
  bytes: number;
  /** null for metadata and padding. */
  tensor: string | null;
  /** Which of the model's stacks of layers; see roles.ts. */
  stack: string;
  /** Of its stack; null for what belongs to no layer. */
  layer: number | null;
  role: RegionRole;
  /** Index in its layer; null for what is not one expert's own. */
  expert: number | null;
}

/**
 * Every byte of a model's files: metadata, tensors, padding. The experts that a tensor stacks are a region each.
 *
 * Sorted by part and offset, without gaps or overlaps, so the sizes add up to the files' to the byte.
 *
 * @example
 * const regions = modelRegions(await readModel('model.gguf'));
 */
export function modelRegions(model: Model): Region[] {
  return model.parts.flatMap((part, index) => {
    const tensors = model.tensors.filter((tensor) => tensor.part === index);
    const regions = [unnamed('metadata', index, 0, part.metadataBytes)];
    let end = part.metadataBytes;
    for (const tensor of tensors) {
      regions.push(unnamed('padding', index, end, tensor.offset));
      append(regions, tensorRegions(model, tensor));
      end = tensor.offset + tensor.bytes;
    }
    regions.push(unnamed('padding', index, end, part.bytes));
    return regions.filter(({ bytes }) => bytes > 0);
  });
}

function unnamed(role: 'metadata' | 'padding', part: number, start: number, end: number): Region {
  return {
    part,
    offset: start,
    bytes: end - start,
    tensor: null,
    stack: '',
    layer: null,
    role,
    expert: null,
  };
}

function tensorRegions(model: Model, tensor: ModelTensor): Region[] {
  const { name, part, offset, bytes } = tensor;
  const whole: Region = { part, offset, bytes, tensor: name, ...placeOf(tensor) };
  const experts = stackedExperts(model, tensor);
  if (experts === null) return [whole];
  // What a tensor of an unknown type really takes is known to a few bytes only: they go with the last.
  const slice = Math.floor(bytes / experts);
  return Array.from({ length: experts }, (_, index) => ({
    ...whole,
    offset: offset + index * slice,
    bytes: index === experts - 1 ? bytes - index * slice : slice,
    expert: index,
  }));
}

/** How many experts a tensor stacks, in its last dimension; null for one that stacks none. */
export function stackedExperts({ experts }: Model, tensor: ModelTensor): number | null {
  const { shape, bytes } = tensor;
  const { role, expert } = placeOf(tensor);
  const last = shape.at(-1) ?? 0;
  if (role !== 'experts' || expert !== null || last === 0 || last > bytes) return null;
  // Biases and scales have fewer dimensions than weights, and are told by the model's number of experts.
  return shape.length > 2 || last === experts?.count ? last : null;
}
