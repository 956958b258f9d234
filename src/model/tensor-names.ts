/**
 * The name that llama.cpp's converters give a tensor, by the name that it has in Hugging Face's and other files of
 * safetensors: one set of names for the rules of roles and uses. Of a name that is not known here, what is known of its
 * place is kept.
 *
 *     model.layers.3.self_attn.q_proj.weight     blk.3.attn_q.weight
 *     model.layers.3.mlp.experts.7.w2.weight     blk.3.ffn_down.7.weight
 *     vision_tower.encoder.layers.0.mlp.fc1.bias v.blk.0.ffn_up.bias
 */
export function ggufName(name: string): string {
  const lora = /\.lora_(?:embedding_)?(a|b|magnitude)(?:_vector)?\b/i.exec(name);
  if (!lora) return translatePlain(name);
  return `${translatePlain(name.slice(0, lora.index))}.lora_${(lora[1] as string).toLowerCase()}`;
}

function translatePlain(name: string): string {
  const tower = towers.find(([pattern]) => pattern.test(name))?.[1];
  const [, before = '', layer, own = ''] = layerOf.exec(name) ?? [];
  const [, suffix = 'weight'] = /\.(weight|bias)$/.exec(name) ?? [];
  if (tower === 'mtp') return `mtp.${name}`;
  if (layer === undefined) {
    if (tower !== undefined) return `${tower === 'projector' ? 'mm' : tower}.${name}`;
    const own = outsideLayers.find(([pattern]) => pattern.test(name))?.[1];
    return `${ofEncoder.test(name) ? 'enc.' : ''}${own === undefined ? name : `${own}.${suffix}`}`;
  }
  if (tower === 'projector') return `mm.${name}`;
  const stack = tower ?? stackOf(before);
  return `${stack === null ? '' : `${stack}.`}blk.${layer}.${partOfLayer(own)}`;
}

/** `model.layers.3.`, `transformer.h.3.`, `encoder.block.3.`, `visual.blocks.3.`: what stands before, the number, the rest. */
const layerOf = /^(.*?)\.?(?:layers?|h|blocks?|resblocks|layer_stack)\.(\d+)\.(.+)$/;

/** An encoder beside a decoder. ChatGLM calls its only stack so (`transformer.encoder`). */
const ofEncoder = /^(?:model\.)?encoder\./;

/** `double_blocks.0.` and `single_blocks.0.` are stacks of their own too. */
function stackOf(before: string): string | null {
  if (/(?:^|\.)encoder$/.test(before)) return before === 'transformer.encoder' ? null : 'enc';
  if (/(?:^|\.)decoder$/.test(before)) return 'dec';
  return /([a-z0-9]+)_$/i.exec(before)?.[1] ?? null;
}

const towers: readonly (readonly [RegExp, 'v' | 'a' | 'projector' | 'mtp'])[] = [
  [/(?:^|\.)mtp(?:_|\.|$)/, 'mtp'],
  [
    /(?:^|\.)(?:multi_modal_projector|mm_projector|vision_projector|visual\.merger|audio_projector|embed_vision|embed_audio|connector|aligner|mlp1)\./,
    'projector',
  ],
  [/(?:^|\.)(?:vision\w*|visual|vit|vpm|siglip\w*|image_encoder|sam_model)\./, 'v'],
  // what speaks is a model of its own, whose tokens are sound
  [/(?:^|\.)(?:audio\w*|speech\w*|conformer|apm)\.|^(?:talker|token2wav|code2wav)\./, 'a'],
];

const outsideLayers: readonly (readonly [RegExp, string])[] = [
  [/embed_tokens_per_layer/, 'per_layer_token_embd'],
  [/per_layer_model_projection|per_layer_projection_norm/, 'per_layer_model_proj'],
  [/(?:^|\.)embeddings?\.(?:layer_?)?norm\b/i, 'token_embd_norm'],
  [/(?:^|\.)(?:wpe|embed_positions|position_embeddings?|pos_emb)\b/, 'position_embd'],
  [/(?:^|\.)(?:token_type_embeddings)\b/, 'token_types'],
  [
    /(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings|embeddings?|shared|embed_in)\.|^embed\./,
    'token_embd',
  ],
  [/(?:^|\.)(?:lm_head|embed_out|output|output_layer|proj_out)\.|^head\./, 'output'],
  [/altup/, 'altup_proj'],
  [/(?:^|\.)(?:final_)?(?:layer_?)?norm(?:_f)?\.|(?:^|\.)(?:ln_f|norm_f)\.|norm\b/, 'output_norm'],
];

/** The first that fits what follows a layer's number. */
const inLayers: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/(?:^|\.)experts\.(\d+)\.(.+)$/, ([, expert, rest]) => `${feedForward(rest as string)}.${expert}`],
  [
    /(?:^|\.)(?:experts|switch_mlp|switch_glu)\.(.+)$|(?:^|\.)block_sparse_moe\.((?:input|output)_linear.+)$/,
    ([, rest, granite]) => `${feedForward((rest ?? granite) as string)}_exps`,
  ],
  [/(?:^|\.)shared_experts?\.(.+)$/, ([, rest]) => `${feedForward(rest as string)}_shexp`],
  [/shared_expert_gate/, () => 'ffn_gate_inp_shexp'],
  [/e_score_correction_bias|expert_bias/, () => 'exp_probs_b'],
  [/(?:^|\.)gate\.tid2eid$/, () => 'ffn_gate_tid2eid'],
  [
    /(?:mlp|moe|feed_forward|ffn|mixer)\.(?:gate|router|gate\.wg|router\.layer)(?:\.(?:weight|bias|scales|biases|wg\b.*))?$|(?:^|\.)router\./,
    () => 'ffn_gate_inp',
  ],
  // of a layer that guesses
  [/^(eh_proj|enorm|hnorm|shared_head|embed_tokens)\b/, ([, word]) => `nextn.${word}`],
  [/(?:^|\.)(altup|laurel)\b/, ([, word]) => `${word}_x`],
  [/per_layer_(?:input_gate|projection|model_projection)|post_per_layer/, () => 'inp_gate'],
  [/layer_scalar/, () => 'layer_output_scale'],
  [
    /(?:^|\.)(?:q_norm|k_norm|q_a_layernorm|kv_a_layernorm|q_layernorm|k_layernorm)\b/,
    ([word]) => `attn_${(word as string).replace(/^\./, '')}`,
  ],
  [/(?:norm\w*|(?:^|\.)ln_\w*)(?:\.\w+)?$/i, () => 'attn_norm'],
  // BERT's
  [/^(intermediate|output)\.dense\./, ([, part]) => (part === 'output' ? 'ffn_down' : 'ffn_up')],
  [/(?:^|\.)mixer\.((?:up|down|gate)_proj\..+)$/, ([, rest]) => feedForward(rest as string)],
  [
    /(?:^|\.)(?:linear_attn|mamba\w*|mixer|ssm|temporal_block|short_?conv|conv)\.(.+)$/,
    ([, rest]) => `ssm_${rest}`,
  ],
  [
    /(?:^|\.)(?:attention|att)\.(?:time_|key|value|receptance|gate\b|output|x_|w\d|a\d|v\d|g\d|k_k|k_a|r_k)/,
    () => 'time_mix_x',
  ],
  [
    /(?:attn|attention|(?:^|\.)att|SelfAttention|EncDecAttention)\w*\.(.+)$/,
    ([, rest]) => `attn_${attention(rest as string)}`,
  ],
  [/(?:^|\.)(?:q|k|v|o|qkv)_proj\b/, ([word]) => `attn_${attention((word as string).replace(/^\./, ''))}`],
  [/(?:^|\.)w[qkvo]\b/, ([word]) => `attn_${attention((word as string).replace(/^\./, ''))}`],
  [
    /(?:mlp|feed_forward|ffn|DenseReluDense|feedforward|block_sparse_moe|moe)\.(.+)$/,
    ([, rest]) => feedForward(rest as string),
  ],
  [
    /(?:^|\.)(?:fc1|fc2|w[123]|gate_proj|up_proj|down_proj|c_fc)\b/,
    ([word]) => feedForward((word as string).replace(/^\./, '')),
  ],
];

function partOfLayer(own: string): string {
  const suffix = /\.(bias)$/.exec(own)?.[1] ?? 'weight';
  for (const [pattern, name] of inLayers) {
    const found = pattern.exec(own);
    if (found) return `${name(found)}.${suffix}`;
  }
  return own;
}

function attention(part: string): string {
  if (/^(?:qkv_proj|query_key_value|c_attn|Wqkv|qkv|in_proj_weight)\b/.test(part)) return 'qkv';
  const [, latent] = /^(q_a|q_b|kv_a|kv_b|k_b|v_b)_proj/.exec(part) ?? [];
  if (latent !== undefined) return latent === 'kv_a' ? 'kv_a_mqa' : latent;
  const one = /^(?:self\.)?(?:(q|query|wq)|(k|key|wk)|(v|value|wv))(?:_proj)?\b/.exec(part);
  if (one) return one[1] ? 'q' : one[2] ? 'k' : 'v';
  return /^(?:o_proj|out_proj|wo|o|dense|c_proj|output)\b/.test(part) ? 'output' : 'other';
}

/** Gate, up or down, whatever a model calls them; both of the first where they are one. */
function feedForward(part: string): string {
  if (/gate_up|gate_and_up|w13|wi_fused/.test(part)) return 'ffn_gate_up';
  if (/^(?:.*\.)?(?:gate_proj|w1|gate|wi_0|linear_fc1_gate)\b/.test(part)) return 'ffn_gate';
  if (
    /down|^(?:.*\.)?(?:w2|fc2|c_proj|wo|dense_4h_to_h|fc_out|output(?:_linear)?|linear_2|linear_fc2|value)\b/.test(
      part,
    )
  )
    return 'ffn_down';
  return 'ffn_up';
}
