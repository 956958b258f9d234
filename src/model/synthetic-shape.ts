import { SPECIAL_TOKENS } from './synthetic-vocabulary.js';
import type { WeightType } from './synthetic-weights.js';
import { blockWeights, type TensorType, tensorBytes } from './tensor-types.js';

/**
 * How a model's weights are stored, by llama.cpp's names. MXFP4 is gpt-oss's own mix: feed-forward weights in MXFP4,
 * the others in F16. Q4_K_M and Q4_0 mix types as llama.cpp's own quantiser does.
 */
export const weightMixes = ['F16', 'Q8_0', 'Q4_0', 'Q4_K_M', 'MXFP4'] as const;
export type WeightMix = (typeof weightMixes)[number];

/** Sizes of a model, in the terms of GGUF's keys. */
export interface ModelShape {
  name: string;
  architecture: 'llama' | 'gpt-oss' | 'gemma3n' | 'qwen4exp';
  weights: WeightMix;
  layers: number;
  embedding: number;
  /** Of one expert, where there are experts. */
  feedForward: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  context: number;
  vocabulary: number;
  experts: { count: number; used: number } | null;
}

/** What a tensor of a synthetic model holds. */
export type Fill =
  /** Random weights. The first `quietRows` rows are `quiet` of the others' size: zero, or a small part. */
  | { kind: 'weights'; deviation: number; quietRows: number; quiet: number }
  /** F32 values, even-distributed around 0. */
  | { kind: 'values'; deviation: number }
  | { kind: 'constant'; value: number }
  /** The preference of a layer's router for each of its experts. */
  | { kind: 'router-bias'; layer: number };

export interface TensorPlan {
  name: string;
  type: 'F32' | WeightType;
  shape: number[];
  fill: Fill;
}

const llama = { architecture: 'llama', weights: 'F16', headSize: 64, experts: null } as const;
const gptOss = {
  architecture: 'gpt-oss',
  weights: 'F16',
  headSize: 64,
  experts: { count: 32, used: 4 },
} as const;

const gemma3n = { architecture: 'gemma3n', weights: 'F16', headSize: 64, experts: null } as const;

const qwen4exp = {
  architecture: 'qwen4exp',
  weights: 'F16',
  headSize: 32,
  experts: { count: 16, used: 2 },
} as const;

/** Shapes ready for use; `llama-2-7b`, `gpt-oss-20b` and `gemma-3n-e4b` have the real models' dimensions. */
export const presets = {
  demo: shape(llama, 'demo', [22, 1024, 3072], [16, 4], 1024, 16384),
  'tiny-llama': shape(llama, 'tiny-llama', [8, 256, 768], [4, 4], 512, 2048),
  'tiny-gpt-oss': shape(gptOss, 'tiny-gpt-oss', [4, 256, 128], [4, 2], 512, 2048),
  'llama-2-7b': {
    ...shape(llama, 'llama-2-7b', [32, 4096, 11008], [32, 32], 4096, 32000),
    headSize: 128,
    weights: 'Q4_K_M',
  },
  'gpt-oss-1b': shape(gptOss, 'gpt-oss-1b', [12, 768, 640], [24, 8], 2048, 32000),
  'gpt-oss-20b': {
    ...shape(gptOss, 'gpt-oss-20b', [24, 2880, 2880], [64, 8], 4096, 201088),
    weights: 'MXFP4',
  },
  'tiny-gemma3n': shape(gemma3n, 'tiny-gemma3n', [4, 256, 512], [4, 2], 512, 2048),
  'gemma3n-80m': shape(gemma3n, 'gemma3n-80m', [12, 384, 1024], [6, 2], 2048, 16384),
  'engram-80m': shape(qwen4exp, 'engram-80m', [8, 256, 256], [2, 1], 2048, 4096),
  'gemma-3n-e4b': {
    ...shape(gemma3n, 'gemma-3n-e4b', [35, 2048, 16384], [8, 2], 4096, 262144),
    headSize: 256,
    weights: 'Q4_0',
  },
} as const satisfies Record<string, ModelShape>;

export type PresetName = keyof typeof presets;

function shape(
  base: Pick<ModelShape, 'architecture' | 'weights' | 'headSize' | 'experts'>,
  name: string,
  [layers, embedding, feedForward]: [number, number, number],
  [heads, kvHeads]: [number, number],
  context: number,
  vocabulary: number,
): ModelShape {
  return { ...base, name, layers, embedding, feedForward, heads, kvHeads, context, vocabulary };
}

/** The tensors of a model, in the order of its file. */
export function planTensors(model: ModelShape): TensorPlan[] {
  if (model.architecture === 'gemma3n') return planGemma3n(model);
  if (model.architecture === 'qwen4exp') return planQwen4exp(model);
  const { embedding, vocabulary } = model;
  return [
    // Embeddings as strong as all that the layers add, else every token would look alike to the routers.
    matrix(model, 'token_embd', [embedding, vocabulary], { deviation: 1 }),
    ...Array.from({ length: model.layers }, (_, layer) => planLayer(model, layer)).flat(),
    norm('output_norm', embedding),
    // Special tokens get no weight: generation goes on, and in words.
    matrix(model, 'output', [embedding, vocabulary], {
      deviation: 3 / Math.sqrt(embedding),
      quietRows: SPECIAL_TOKENS,
    }),
  ];
}

/** Gemma 3n's own numbers, which its files do not state: a layer's own inputs, streams, and the rank of LAuReL. */
const perLayer = 256;
const streams = 4;
const laurelRank = 64;
const faintness = 0.05;

/**
 * Gemma 3n: beside the embedding of its token each layer takes an input of its own, a row of a table that is the largest
 * tensor of all. The output shares the table of embeddings.
 */
function planGemma3n(model: ModelShape): TensorPlan[] {
  const { embedding, vocabulary, layers } = model;
  const square = [embedding, embedding, streams - 1];
  return [
    // Faint beside what the layers add, else each token would be its own likeliest successor: the output shares the table.
    // Special tokens get still less weight: they are seldom chosen, and have an embedding all the same.
    matrix(model, 'token_embd', [embedding, vocabulary], {
      deviation: faintness / Math.sqrt(embedding),
      quietRows: SPECIAL_TOKENS,
      quiet: 1 / 64,
    }),
    matrix(model, 'per_layer_token_embd', [perLayer * layers, vocabulary], { deviation: 1 / 16 }),
    matrix(model, 'altup_proj', square),
    matrix(model, 'altup_unembd_proj', square),
    matrix(model, 'per_layer_model_proj', [embedding, perLayer * layers]),
    norm('per_layer_proj_norm', perLayer),
    ...Array.from({ length: layers }, (_, layer) => planGemma3nLayer(model, layer)).flat(),
    norm('output_norm', embedding, 3 / faintness),
  ];
}

function planGemma3nLayer(model: ModelShape, layer: number): TensorPlan[] {
  const { embedding, feedForward, headSize } = model;
  const block = `blk.${layer}`;
  const small = (name: string, shape: number[], deviation: number): TensorPlan => ({
    name: `${block}.${name}.weight`,
    type: 'F32',
    shape,
    fill: { kind: 'values', deviation },
  });
  const norms = [
    'attn_norm',
    'post_attention_norm',
    'ffn_norm',
    'post_ffw_norm',
    'post_norm',
    'altup_correct_scale',
    'altup_router_norm',
    'laurel_post_norm',
  ];
  return [
    ...norms.map((name) => norm(`${block}.${name}`, embedding)),
    norm(`${block}.attn_q_norm`, headSize),
    norm(`${block}.attn_k_norm`, headSize),
    ...planAttention(model, block, layer),
    matrix(model, `${block}.ffn_gate`, [embedding, feedForward]),
    matrix(model, `${block}.ffn_up`, [embedding, feedForward]),
    matrix(model, `${block}.ffn_down`, [feedForward, embedding], { layer }),
    matrix(model, `${block}.inp_gate`, [embedding, perLayer]),
    matrix(model, `${block}.proj`, [perLayer, embedding]),
    matrix(model, `${block}.laurel_l`, [embedding, laurelRank]),
    matrix(model, `${block}.laurel_r`, [laurelRank, embedding]),
    small('altup_router', [embedding, streams], 1 / Math.sqrt(embedding)),
    small('altup_correct_coef', [streams, streams], 0.1),
    small('altup_predict_coef', [streams, streams * streams], 0.1),
  ];
}

/** Sizes of Qwen 4's parts that are the same in every synthetic model of it. */
export const qwen4 = {
  streams: 4,
  lowRank: 8,
  indexer: { heads: 2, size: 32 },
  ssm: { conv: 4, state: 16, groups: 2, steps: 4, inner: 64 },
  fullAttentionEvery: 4,
  /** The table of n-grams: pairs and triples, so many heads each, of which each has a prime number of rows. */
  ngrams: {
    layer: 1,
    size: 3,
    heads: 4,
    width: 32,
    primes: [100_003, 100_019, 100_043, 100_049, 100_057, 100_069, 100_103, 100_109],
  },
} as const;

/**
 * Qwen 4: a mixture of experts with a table of n-grams (an engram), of which each token looks up a row for each head, and
 * with more than one stream between its layers.
 */
function planQwen4exp(model: ModelShape): TensorPlan[] {
  const { embedding, vocabulary, layers } = model;
  const { streams, lowRank, ngrams } = qwen4;
  const wide = streams * embedding;
  const rows = ngrams.primes.reduce((sum, rows) => sum + rows, 0);
  return [
    matrix(model, 'token_embd', [embedding, vocabulary], { deviation: 1 }),
    matrix(model, 'per_layer_token_embd', [ngrams.width, Math.ceil(rows / 128) * 128], { deviation: 1 }),
    ...Array.from({ length: layers }, (_, layer) => planQwen4expLayer(model, layer)).flat(),
    small('output_hc_down.weight', [wide, lowRank]),
    small('output_hc_up.weight', [lowRank, wide]),
    norm('output_hc_norm', wide),
    matrix(model, 'output', [embedding, vocabulary], {
      deviation: 3 / Math.sqrt(embedding),
      quietRows: SPECIAL_TOKENS,
    }),
  ];
}

function planQwen4expLayer(model: ModelShape, layer: number): TensorPlan[] {
  const { embedding, feedForward, heads, kvHeads, headSize, experts } = model;
  const { streams, lowRank, indexer, ssm, fullAttentionEvery, ngrams } = qwen4;
  const block = `blk.${layer}`;
  const wide = streams * embedding;
  const weights = (name: string, shape: number[]) => matrix(model, `${block}.${name}`, shape, { layer });
  const of = (name: string, shape: number[]) => small(`${block}.${name}`, shape);
  const mixed = ['attn', 'ffn'].flatMap((part) => [
    of(`hc_${part}_down.weight`, [wide, lowRank]),
    of(`hc_${part}_up.weight`, [lowRank, wide]),
    of(`hc_${part}_inject.weight`, [wide, streams]),
    norm(`${block}.hc_${part}_norm`, wide),
  ]);
  const count = experts?.count ?? 1;
  const mixture = [
    of('ffn_gate_inp.weight', [embedding, count]),
    of('ffn_gate_inp_shexp.weight', [embedding]),
    weights('ffn_gate_shexp', [embedding, feedForward]),
    weights('ffn_up_shexp', [embedding, feedForward]),
    weights('ffn_down_shexp', [feedForward, embedding]),
    weights('ffn_gate_exps', [embedding, feedForward, count]),
    weights('ffn_up_exps', [embedding, feedForward, count]),
    weights('ffn_down_exps', [feedForward, embedding, count]),
  ];
  const attention = [
    weights('attn_q', [embedding, 2 * heads * headSize]),
    weights('attn_k', [embedding, kvHeads * headSize]),
    weights('attn_v', [embedding, kvHeads * headSize]),
    weights('attn_output', [heads * headSize, embedding]),
    norm(`${block}.attn_q_norm`, headSize),
    norm(`${block}.attn_k_norm`, headSize),
    of('indexer.q_proj.weight', [embedding, indexer.heads * indexer.size]),
    of('indexer.k_proj.weight', [embedding, indexer.size]),
    norm(`${block}.indexer.q_norm`, indexer.size),
    norm(`${block}.indexer.k_norm`, indexer.size),
  ];
  const mixer = 2 * ssm.groups * ssm.state + ssm.inner;
  const recurrent = [
    weights('attn_qkv', [embedding, mixer]),
    weights('attn_gate', [embedding, ssm.inner]),
    of('ssm_alpha.weight', [embedding, ssm.steps]),
    of('ssm_beta.weight', [embedding, ssm.steps]),
    { ...norm(`${block}.ssm_a`, ssm.steps, -1), name: `${block}.ssm_a` },
    of('ssm_dt.bias', [ssm.steps]),
    of('ssm_conv1d.weight', [ssm.conv, mixer]),
    norm(`${block}.ssm_norm`, ssm.inner / ssm.steps),
    weights('ssm_out', [ssm.inner, embedding]),
  ];
  const gathered = ngrams.width * ngrams.primes.length;
  const engram = [
    weights('ple_key', [gathered, wide]),
    weights('ple_value', [gathered, embedding]),
    ...['ple_norm_key', 'ple_norm_query', 'ple_norm_conv'].map((name) => norm(`${block}.${name}`, wide)),
    of('ple_conv1d.weight', [4, wide]),
  ];
  const full = layer % fullAttentionEvery === fullAttentionEvery - 1;
  return [...mixed, ...(full ? attention : recurrent), ...mixture, ...(layer === ngrams.layer ? engram : [])];
}

/** Values that keep the size of activations, in F32. */
function small(name: string, shape: number[]): TensorPlan {
  const deviation = 1 / Math.sqrt(shape[0] as number);
  return { name, type: 'F32', shape, fill: { kind: 'values', deviation } };
}

/** Bytes of all weights, without metadata and padding. */
export function planBytes(tensors: readonly TensorPlan[]): number {
  return tensors.reduce((sum, { type, shape }) => sum + tensorBytes(type, shape), 0);
}

function planLayer(model: ModelShape, layer: number): TensorPlan[] {
  const { embedding, feedForward, experts } = model;
  const block = `blk.${layer}`;
  const attention = planAttention(model, block, layer);
  if (experts === null) {
    return [
      norm(`${block}.attn_norm`, embedding),
      ...attention,
      norm(`${block}.ffn_norm`, embedding),
      matrix(model, `${block}.ffn_gate`, [embedding, feedForward]),
      matrix(model, `${block}.ffn_up`, [embedding, feedForward]),
      matrix(model, `${block}.ffn_down`, [feedForward, embedding], { layer }),
    ];
  }
  const stacked = (name: string, columns: number, rows: number) => [
    matrix(model, `${block}.${name}`, [columns, rows, experts.count], { layer }),
    bias(`${block}.${name}`, [rows, experts.count]),
  ];
  return [
    norm(`${block}.attn_norm`, embedding),
    ...attention,
    {
      name: `${block}.attn_sinks.weight`,
      type: 'F32',
      shape: [model.heads],
      fill: { kind: 'constant', value: 0 },
    },
    norm(`${block}.post_attention_norm`, embedding),
    ...planRouter(block, layer, embedding, experts.count),
    ...stacked('ffn_gate_exps', embedding, feedForward),
    ...stacked('ffn_up_exps', embedding, feedForward),
    ...stacked('ffn_down_exps', feedForward, embedding),
  ];
}

function planAttention(model: ModelShape, block: string, layer: number): TensorPlan[] {
  const { embedding, heads, kvHeads, headSize } = model;
  const projections: [string, number, number][] = [
    ['attn_q', embedding, heads * headSize],
    ['attn_k', embedding, kvHeads * headSize],
    ['attn_v', embedding, kvHeads * headSize],
    ['attn_output', heads * headSize, embedding],
  ];
  return projections.flatMap(([name, columns, rows]) => {
    const weights = matrix(model, `${block}.${name}`, [columns, rows], { layer });
    return model.architecture === 'gpt-oss' ? [weights, bias(`${block}.${name}`, [rows])] : [weights];
  });
}

/**
 * Tokens give an expert a score of the deviation of a Gumbel distribution. With it, a bias of -s log(rank) makes the
 * choice of experts follow Zipf's law with exponent s.
 */
function planRouter(block: string, layer: number, embedding: number, experts: number): TensorPlan[] {
  const deviation = Math.PI / Math.sqrt(6) / Math.sqrt(embedding);
  const name = `${block}.ffn_gate_inp`;
  return [
    { name: `${name}.weight`, type: 'F32', shape: [embedding, experts], fill: { kind: 'values', deviation } },
    { name: `${name}.bias`, type: 'F32', shape: [experts], fill: { kind: 'router-bias', layer } },
  ];
}

function norm(name: string, length: number, value = 1): TensorPlan {
  return { name: `${name}.weight`, type: 'F32', shape: [length], fill: { kind: 'constant', value } };
}

function bias(name: string, shape: number[]): TensorPlan {
  return { name: `${name}.bias`, type: 'F32', shape, fill: { kind: 'values', deviation: 0.02 } };
}

interface MatrixOptions {
  /** Default: what keeps the size of activations as it is. */
  deviation?: number;
  quietRows?: number;
  /** Default: 0. */
  quiet?: number;
  layer?: number;
}

function matrix(model: ModelShape, name: string, shape: number[], options: MatrixOptions = {}): TensorPlan {
  const row = shape[0] as number;
  const { deviation = 1 / Math.sqrt(row), quietRows = 0, quiet = 0, layer = 0 } = options;
  const wanted = weightType(model, name, layer);
  return {
    name: `${name}.weight`,
    type: wholeBlocks(wanted, row),
    shape,
    fill: { kind: 'weights', deviation, quietRows, quiet },
  };
}

function weightType(model: ModelShape, name: string, layer: number): WeightType {
  const feedForward = /\.ffn_/.test(name);
  switch (model.weights) {
    case 'F16':
    case 'Q8_0':
      return model.weights;
    case 'MXFP4':
      return feedForward ? 'MXFP4' : 'F16';
    case 'Q4_0':
      return name === 'output' ? 'Q6_K' : 'Q4_0';
    case 'Q4_K_M': {
      const sensitive = /attn_v|ffn_down/.test(name) && getsMoreBits(layer, model.layers);
      return name === 'output' || sensitive ? 'Q6_K' : 'Q4_K';
    }
  }
}

/** Half of the layers, those whose loss of precision costs most: llama.cpp's own choice (use_more_bits). */
function getsMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

/** The type itself, or the next larger one whose blocks divide a row. */
function wholeBlocks(type: WeightType, row: number): WeightType {
  const candidates: WeightType[] = [type, 'Q8_0'];
  return candidates.find((each) => row % blockWeights(each as TensorType) === 0) ?? 'F16';
}
