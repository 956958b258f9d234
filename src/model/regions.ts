import type { Model, ModelTensor } from './gguf.js';

/** What a region of a model is for; `other` is a tensor that no rule here knows. */
export type RegionRole =
  | 'embedding'
  | 'attention'
  | 'norm'
  | 'router'
  | 'dense-ffn'
  | 'experts'
  | 'output'
  | 'other'
  | 'metadata'
  | 'padding';

/** A run of bytes of a model that serves one purpose. `offset` and `bytes` in bytes, in the part with this index. */
export interface Region {
  part: number;
  offset: number;
  bytes: number;
  /** null for metadata and padding. */
  tensor: string | null;
  /** null for what belongs to no layer. */
  layer: number | null;
  role: RegionRole;
  /** Index in its layer; null for what is not one expert's own. */
  expert: number | null;
}

/**
 * Every byte of a model's files: metadata, tensors, padding. The experts that a tensor stacks are a region each.
 *
 * Sorted by part and offset, without gaps or overlaps, so the sizes add up to the files' to the byte.
 */
export function modelRegions(model: Model): Region[] {
  return model.parts.flatMap((part, index) => {
    const tensors = model.tensors.filter((tensor) => tensor.part === index);
    const regions = [unnamed('metadata', index, 0, part.metadataBytes)];
    let end = part.metadataBytes;
    for (const tensor of tensors) {
      regions.push(unnamed('padding', index, end, tensor.offset));
      regions.push(...tensorRegions(tensor, model.experts?.count ?? 0));
      end = tensor.offset + tensor.bytes;
    }
    regions.push(unnamed('padding', index, end, part.bytes));
    return regions.filter(({ bytes }) => bytes > 0);
  });
}

function unnamed(role: 'metadata' | 'padding', part: number, start: number, end: number): Region {
  return { part, offset: start, bytes: end - start, tensor: null, layer: null, role, expert: null };
}

function tensorRegions(tensor: ModelTensor, experts: number): Region[] {
  const { name, part, offset, bytes } = tensor;
  const { layer, role, expert } = tensorPlace(name);
  const whole: Region = { part, offset, bytes, tensor: name, layer, role, expert };
  if (role !== 'experts' || expert !== null || tensor.shape.at(-1) !== experts) return [whole];
  const slice = bytes / experts;
  return Array.from({ length: experts }, (_, index) => ({
    ...whole,
    offset: offset + index * slice,
    bytes: slice,
    expert: index,
  }));
}

/** The layer, role and, where a tensor holds one expert only, the expert that llama.cpp's tensor names tell. */
export function tensorPlace(name: string): Pick<Region, 'layer' | 'role' | 'expert'> {
  const block = /^(?:.*\.)?blk\.(\d+)\.(.*)$/.exec(name);
  const own = block?.[2] ?? name;
  const expert = /^ffn_(?:gate|up|down)\.(\d+)\./.exec(own)?.[1];
  return {
    layer: block?.[1] === undefined ? null : Number(block[1]),
    role: roles.find(([pattern]) => pattern.test(own))?.[1] ?? 'other',
    expert: expert === undefined ? null : Number(expert),
  };
}

/** The first that matches a name, less its `blk.N.`, holds. Names are llama.cpp's (llama-arch.cpp). */
const roles: readonly (readonly [RegExp, RegionRole])[] = [
  [/^ffn_gate_inp|^exp_probs_b/, 'router'],
  // stacked experts, and Mixtral's first files, which held a tensor for each expert (ffn_up.3.weight)
  [/_(?:ch)?exps\b|^ffn_(?:gate|up|down)\.\d+\./, 'experts'],
  [/norm/, 'norm'],
  [/^(?:token_embd|position_embd|token_types|per_layer_token_embd)\b/, 'embedding'],
  [/^(?:output|cls)\b/, 'output'],
  // experts that every token uses (shexp) are as dense as the layers without experts
  [/^ffn_/, 'dense-ffn'],
  // recurrent mixers take attention's place in their layers
  [/attn|^rope_|^ssm_|^shortconv|^time_mix/, 'attention'],
];
