import { GGMLFileQuantizationType, GGUFValueType } from '@huggingface/gguf';
import type { GgufKey } from './gguf-header.js';
import { type ModelShape, qwen4, type WeightMix } from './synthetic-shape.js';
import { syntheticVocabulary } from './synthetic-vocabulary.js';

const fileTypes: Record<WeightMix, GGMLFileQuantizationType> = {
  F16: GGMLFileQuantizationType.F16,
  Q8_0: GGMLFileQuantizationType.Q8_0,
  Q4_0: GGMLFileQuantizationType.Q4_0,
  Q4_K_M: GGMLFileQuantizationType.Q4_K_M,
  MXFP4: GGMLFileQuantizationType.MXFP4_MOE,
};

/** The keys that llama.cpp needs to load a model of this shape. */
export function modelKeys(model: ModelShape): GgufKey[] {
  return [
    text('general.architecture', model.architecture),
    text('general.name', model.name),
    whole('general.file_type', fileTypes[model.weights]),
    whole('general.quantization_version', 2),
    ...shapeKeys(model),
    ...(model.experts === null ? [] : mixtureKeys(model, model.experts)),
    ...(model.architecture === 'gemma3n' ? gemma3nKeys(model) : []),
    ...(model.architecture === 'qwen4exp' ? qwen4expKeys(model) : []),
    ...vocabularyKeys(model.vocabulary),
  ];
}

function shapeKeys(model: ModelShape): GgufKey[] {
  const own = (key: string) => `${model.architecture}.${key}`;
  return [
    whole(own('block_count'), model.layers),
    whole(own('context_length'), model.context),
    whole(own('embedding_length'), model.embedding),
    whole(own('feed_forward_length'), model.feedForward),
    whole(own('vocab_size'), model.vocabulary),
    whole(own('attention.head_count'), model.heads),
    whole(own('attention.head_count_kv'), model.kvHeads),
    whole(own('attention.key_length'), model.headSize),
    whole(own('attention.value_length'), model.headSize),
    real(own('attention.layer_norm_rms_epsilon'), 1e-5),
    whole(own('rope.dimension_count'), model.headSize),
    real(own('rope.freq_base'), model.architecture === 'gpt-oss' ? 150_000 : 10_000),
  ];
}

/** What mixtures have; gpt-oss also has sliding windows and a stretched context. */
function mixtureKeys(model: ModelShape, experts: { count: number; used: number }): GgufKey[] {
  const own = (key: string) => `${model.architecture}.${key}`;
  return [
    whole(own('expert_count'), experts.count),
    whole(own('expert_used_count'), experts.used),
    whole(own('expert_feed_forward_length'), model.feedForward),
    ...(model.architecture === 'gpt-oss' ? stretchedKeys(own) : []),
  ];
}

function stretchedKeys(own: (key: string) => string): GgufKey[] {
  return [
    whole(own('attention.sliding_window'), 128),
    text(own('rope.scaling.type'), 'yarn'),
    real(own('rope.scaling.factor'), 32),
    whole(own('rope.scaling.original_context_length'), 4096),
  ];
}

/** What gemma3n has beyond llama: a window for attention, inputs of each layer's own. */
function gemma3nKeys({ layers }: ModelShape): GgufKey[] {
  return [
    whole('gemma3n.attention.sliding_window', 512),
    whole('gemma3n.attention.shared_kv_layers', Math.max(0, layers - 20)),
    whole('gemma3n.embedding_length_per_layer_input', 256),
    whole('gemma3n.altup.active_idx', 0),
    whole('gemma3n.altup.num_inputs', 4),
    real('gemma3n.final_logit_softcapping', 30),
  ];
}

/** Qwen 4's: streams, recurrent layers with full attention at every fourth, and how n-grams become rows of the table. */
function qwen4expKeys({ layers, feedForward, experts }: ModelShape): GgufKey[] {
  const own = (key: string) => `qwen4exp.${key}`;
  const { streams, lowRank, indexer, ssm, fullAttentionEvery, ngrams } = qwen4;
  const offsets = ngrams.primes.map((_, i) => ngrams.primes.slice(0, i).reduce((sum, rows) => sum + rows, 0));
  const layerList = Array.from({ length: layers }, (_, layer) => layer);
  const isFull = (layer: number) => layer % fullAttentionEvery === fullAttentionEvery - 1;
  const numbers = (key: string, value: readonly number[], subType: GGUFValueType): GgufKey => ({
    key: own(key),
    type: GGUFValueType.ARRAY,
    subType,
    value: subType === GGUFValueType.UINT64 ? value.map(BigInt) : [...value],
  });
  return [
    numbers('rope.dimension_sections', [6, 5, 5, 0], GGUFValueType.INT32),
    whole(own('expert_shared_feed_forward_length'), feedForward),
    whole(own('expert_shared_count'), experts === null ? 0 : 1),
    whole(own('ssm.conv_kernel'), ssm.conv),
    whole(own('ssm.state_size'), ssm.state),
    whole(own('ssm.group_count'), ssm.groups),
    whole(own('ssm.time_step_rank'), ssm.steps),
    whole(own('ssm.inner_size'), ssm.inner),
    whole(own('full_attention_interval'), fullAttentionEvery),
    whole(own('hyper_connection.count'), streams),
    whole(own('hyper_connection.low_rank'), lowRank),
    whole(own('attention.indexer.head_count'), indexer.heads),
    whole(own('attention.indexer.key_length'), indexer.size),
    whole(own('attention.indexer.top_k'), 8),
    numbers(
      'attention.compress_ratios',
      layerList.map((layer) => (isFull(layer) ? 4 : 0)),
      GGUFValueType.INT32,
    ),
    numbers('ple.layers', [ngrams.layer], GGUFValueType.INT32),
    whole(own('ple.ngram_size'), ngrams.size),
    whole(own('ple.heads_per_ngram'), ngrams.heads),
    whole(own('ple.conv_kernel'), 4),
    whole(own('ple.eos_token_id'), 2),
    whole(own('embedding_length_per_layer_input'), ngrams.width),
    numbers('ple.layer_multipliers', [1_000_003, 7_368_787, 15_485_863], GGUFValueType.UINT64),
    numbers('ple.head_offsets', offsets, GGUFValueType.UINT64),
    numbers('ple.head_vocab_sizes', ngrams.primes, GGUFValueType.UINT64),
  ];
}

function vocabularyKeys(size: number): GgufKey[] {
  const { tokens, scores, types } = syntheticVocabulary(size);
  const list = (key: string, subType: GGUFValueType, value: string[] | number[]): GgufKey => ({
    key,
    type: GGUFValueType.ARRAY,
    subType,
    value,
  });
  return [
    text('tokenizer.ggml.model', 'llama'),
    list('tokenizer.ggml.tokens', GGUFValueType.STRING, tokens),
    list('tokenizer.ggml.scores', GGUFValueType.FLOAT32, scores),
    list('tokenizer.ggml.token_type', GGUFValueType.INT32, types),
    whole('tokenizer.ggml.unknown_token_id', 0),
    whole('tokenizer.ggml.bos_token_id', 1),
    whole('tokenizer.ggml.eos_token_id', 2),
    { key: 'tokenizer.ggml.add_bos_token', type: GGUFValueType.BOOL, value: true },
    { key: 'tokenizer.ggml.add_eos_token', type: GGUFValueType.BOOL, value: false },
  ];
}

function text(key: string, value: string): GgufKey {
  return { key, type: GGUFValueType.STRING, value };
}

function whole(key: string, value: number): GgufKey {
  return { key, type: GGUFValueType.UINT32, value };
}

function real(key: string, value: number): GgufKey {
  return { key, type: GGUFValueType.FLOAT32, value };
}
