/** What a region of a model is for; `other` is a tensor that no rule here knows. */
export type RegionRole =
  | 'embedding'
  | 'attention'
  | 'norm'
  | 'router'
  | 'dense-ffn'
  | 'experts'
  /** What mixes or scales the streams between layers: hyper-connections, AltUp, LAuReL, inputs of a layer's own. */
  | 'residual'
  | 'output'
  /** What turns pictures or sound into embeddings, projectors included, and decoders of sound. */
  | 'vision'
  | 'audio'
  /** What guesses further tokens: NextN and MTP heads, EAGLE. */
  | 'draft'
  /** What changes another model's weights: LoRA. */
  | 'adapter'
  | 'other'
  | 'metadata'
  | 'padding';

/** Where in a model a tensor belongs. */
export interface TensorPlace {
  /** Which of the model's stacks of layers: empty for the one that most models have alone, else `enc`, `dec`, `v`, `a`, ... */
  stack: string;
  /** Of its stack, from 0; null for what belongs to no layer. */
  layer: number | null;
  role: RegionRole;
  /** Index in its layer, where a tensor holds one expert only. */
  expert: number | null;
}

/** `blk.3.`, `v.blk.3.`, `a.proj_blk.3.`; and what has layers of another name. */
const block = /^(?:(.+?)[._])?blk\.(\d+)\.(.+)$/;
const namedBlock = /^(posnet|convnext|v\.deepstack)\.(\d+)\.(.+)$/;
/** Of a stack, and of none of its layers: `enc.output_norm`. */
const outsideBlocks = /^(?:enc|dec)\./;

/** The place that a tensor's name tells, by the names that llama.cpp's converters give (gguf-py's constants.py). */
export function tensorPlace(name: string): TensorPlace {
  const [, stack = '', layer, own = name.replace(outsideBlocks, '')] =
    block.exec(name) ?? namedBlock.exec(name) ?? [];
  const expert = /^ffn_(?:gate|up|down)\.(\d+)\./.exec(own)?.[1];
  return {
    stack,
    layer: layer === undefined ? null : Number(layer),
    role: roleOfPart(name) ?? roles.find(([pattern]) => pattern.test(own))?.[1] ?? 'other',
    expert: expert === undefined ? null : Number(expert),
  };
}

/** The place of a tensor, by what llama.cpp's converters call it where its file has another name. */
export function placeOf({ name, as }: { name: string; as?: string }): TensorPlace {
  return tensorPlace(as ?? name);
}

/** Parts of a model that are told by how the whole name begins or ends, whatever is within. */
function roleOfPart(name: string): RegionRole | undefined {
  return parts.find(([pattern]) => pattern.test(name))?.[1];
}

const parts: readonly (readonly [RegExp, RegionRole])[] = [
  [/\.lora_(?:a|b|magnitude)$/, 'adapter'],
  [/^(?:a|mm\.a|audio)\.|^(?:posnet|convnext)\.|^conv1d\b/, 'audio'],
  // CogVLM keeps weights for pictures beside those for text in each layer
  [/^(?:v|mm|resampler|vision)\.|^blk\.\d+\.vis_/, 'vision'],
  [/(?:^|\.)(?:nextn|mtp)\.|^(?:fc|d2t|t2d)\b/, 'draft'],
];

/** The first that matches a name, less its `blk.N.`, holds. */
const roles: readonly (readonly [RegExp, RegionRole])[] = [
  [/^ffn_gate_inp|^ffn_gate_tid2eid|^exp_probs_b/, 'router'],
  // stacked experts, and Mixtral's first files, which held a tensor for each expert (ffn_up.3.weight)
  [/^(?!.*norm).*_(?:ch)?exps\b|^ffn_(?:gate|up|down)\.\d+\./, 'experts'],
  // Hyper-connections have norms of their own; tables of n-grams are joined to a layer by projections that have them too.
  [
    /^(?:output_)?hc_|^altup_|^laurel_|^layer_output_scale|_res_score\b|^per_layer_(?!token_embd)|^(?:inp_gate|proj)\b/,
    'residual',
  ],
  [/^(?:engram|ple|n_?gram)_/, 'embedding'],
  // RWKV's norm within its time mix
  [/norm|^time_mix_ln\b/, 'norm'],
  [/^(?:token_embd|position_embd|token_types|per_layer_token_embd)\b/, 'embedding'],
  [/^(?:output|cls|dense_\d|masked_embd)/, 'output'],
  // experts that every token uses (shexp) are as dense as the layers without experts
  [/^ffn(?:_|\b)|^channel_mix_/, 'dense-ffn'],
  // recurrent mixers take attention's place in their layers
  [/attn|^indexer|^rope_|^ssm_|^shortconv|^time_mix_/, 'attention'],
];
