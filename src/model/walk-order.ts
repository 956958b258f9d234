import { greatest } from '../extremes.js';
import type { Model, ModelTensor } from './gguf.js';
import { placeOf } from './roles.js';
import { tensorUses } from './uses.js';

/** What llama.cpp computes with first in a layer, by the end of the tensor's name; what is not named goes with the last. */
const orderInLayer = [
  'attn_norm',
  'attn_qkv',
  'attn_q',
  'attn_k',
  'attn_v',
  'attn_output',
  'post_attention_norm',
  'ffn_norm',
  'ffn_gate',
  'ffn_up',
  'ffn_down',
];

/**
 * The tensors that every token of a dense model uses whole, in the order in which llama.cpp does. The embedding table is
 * among them only where the output shares it, and is then the last.
 */
export function walkOrder(model: Model): ModelTensor[] {
  const uses = tensorUses(model);
  const walked = model.tensors.filter(({ name }) => uses.get(name)?.kind === 'whole');
  const layers = Math.max(0, greatest(walked.map((tensor) => placeOf(tensor).layer ?? 0)));
  const place = (tensor: ModelTensor): [number, number, number] => {
    const { layer, role } = placeOf(tensor);
    // What makes a layer's own inputs of looked-up rows is used before all layers.
    if (layer === null && role === 'residual' && (tensor.as ?? tensor.name).startsWith('per_layer'))
      return [-1, 0, tensor.offset];
    if (role === 'output' || role === 'embedding') return [layer ?? layers + 2, 0, tensor.offset];
    if (layer === null) return [layers + 1, 0, tensor.offset];
    const part = (tensor.as ?? tensor.name).split('blk.')[1]?.split('.')[1] ?? '';
    const rank = orderInLayer.indexOf(part);
    return [layer, rank < 0 ? orderInLayer.length : rank, tensor.offset];
  };
  return walked
    .map((tensor) => ({ tensor, key: place(tensor) }))
    .sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1] || a.key[2] - b.key[2])
    .map(({ tensor }) => tensor);
}
