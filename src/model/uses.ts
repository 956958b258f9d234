import { greatest } from '../extremes.js';
import type { Model, ModelTensor } from './gguf.js';
import { modelRegions, type Region, stackedExperts } from './regions.js';
import { type TensorPlace, tensorPlace } from './roles.js';
import type { OtherPath, TensorUse } from './tensor-use.js';

export const useKinds = ['whole', 'rows', 'experts', 'none', 'unknown'] as const;
export type UseKind = (typeof useKinds)[number];

/** How many bytes are used in each way; null is left out. */
export function bytesByKind(
  tensors: readonly { bytes: number; use: UseKind | null }[],
): Record<UseKind, number> {
  const bytes = { whole: 0, rows: 0, experts: 0, none: 0, unknown: 0 };
  for (const tensor of tensors) if (tensor.use !== null) bytes[tensor.use] += tensor.bytes;
  return bytes;
}

/** A region with a name, what a token uses of it, and the shares of its bytes that this comes to: at least, most likely, at most. */
export interface UsedRegion {
  region: Region;
  use: TensorUse;
  least: number;
  likely: number;
  most: number;
}

/** All regions but metadata and padding. An expert's share is its part of what tokens use of all, on average. */
export function usedRegions(model: Model): UsedRegion[] {
  const uses = tensorUses(model);
  return modelRegions(model).flatMap((region) => {
    const use = region.tensor === null ? undefined : uses.get(region.tensor);
    return use === undefined ? [] : [{ region, use, ...sharesOf(use) }];
  });
}

function sharesOf(use: TensorUse): Pick<UsedRegion, 'least' | 'likely' | 'most'> {
  switch (use.kind) {
    case 'whole':
      return { least: 1, likely: 1, most: 1 };
    case 'none':
      return { least: 0, likely: 0, most: 0 };
    // Weights that somebody ships are most likely used.
    case 'unknown':
      return { least: 0, likely: 1, most: 1 };
    default: {
      const [least, most] = [use.least / use.of, use.most / use.of];
      return { least, likely: least, most };
    }
  }
}

/** By region: whether whoever uses a part of it uses all of it, as a matrix or an expert, or may look up rows of it. */
export function usedAsWhole(model: Model): boolean[] {
  const uses = tensorUses(model);
  return modelRegions(model).map(({ tensor }) => {
    const use = tensor === null ? 'none' : (uses.get(tensor)?.kind ?? 'unknown');
    return use !== 'rows' && use !== 'none';
  });
}

/** By region: whether each pass uses all of it, or nothing is ever used of it (padding). */
export function usedByEachPass(model: Model): boolean[] {
  const whole = whollyUsed(model);
  return modelRegions(model).map(({ role, tensor }) =>
    tensor === null ? role === 'padding' : whole.has(tensor),
  );
}

/** Bytes that a token needs: at least and at most. They differ where a use is unknown. */
export interface TouchedBytes {
  least: number;
  most: number;
}

export function touchedByRole(model: Model): Map<string, TouchedBytes> {
  const touched = new Map<string, TouchedBytes>();
  for (const { region, least, most } of usedRegions(model)) {
    const sum = touched.get(region.role) ?? { least: 0, most: 0 };
    sum.least += region.bytes * least;
    sum.most += region.bytes * most;
    touched.set(region.role, sum);
  }
  return touched;
}

/** Of the whole model. */
export function touchedBytes(model: Model): TouchedBytes {
  const sum = { least: 0, most: 0 };
  for (const { least, most } of touchedByRole(model).values()) {
    sum.least += least;
    sum.most += most;
  }
  return sum;
}

/**
 * What a token uses of each tensor, by name: as it was seen, else from the architecture's keys, the tensors' names and their shapes.
 *
 * @example
 * tensorUses(await readModel('model.gguf')).get('token_embd.weight')?.kind; // 'row'
 */
export function tensorUses(model: Model): Map<string, TensorUse> {
  // The rules know the names that llama.cpp's converters give.
  const named = model.tensors.map((tensor) => ({ ...tensor, name: tensor.as ?? tensor.name }));
  const facts = factsOf({ ...model, tensors: named });
  return new Map(
    named.map((tensor, i) => {
      const { name } = model.tensors[i] as ModelTensor;
      return [name, model.seenUses?.get(name) ?? useOf(facts, tensor, tensorPlace(tensor.name))];
    }),
  );
}

/** Names of the tensors that every token uses all of. */
export function whollyUsed(model: Model): Set<string> {
  return new Set([...tensorUses(model)].flatMap(([name, { kind }]) => (kind === 'whole' ? [name] : [])));
}

/** What all tensors' uses are told from. */
interface Facts {
  model: Model;
  /** The output reads the table of embeddings that it shares. */
  tied: boolean;
  /** An encoder beside a stack that generates. */
  hasDecoder: boolean;
  /** Layers of the main stack that only guess further tokens. */
  draftLayers: ReadonlySet<number>;
  /** From this layer on keys and values are those of layers before: what would make them is unused. */
  sharedFrom: number;
  /** By layer (-1: of all): how many rows of tables of n-grams a token looks up. */
  ngramRows: ReadonlyMap<number, number>;
}

const whole: TensorUse = { kind: 'whole' };
const unknown: TensorUse = { kind: 'unknown' };
const none = (path: OtherPath): TensorUse => ({ kind: 'none', path });

function useOf(facts: Facts, tensor: ModelTensor, place: TensorPlace): TensorUse {
  const otherPath = otherPathOf(facts, tensor, place);
  if (otherPath !== null) return none(otherPath);
  const { name } = tensor;
  if (isTable(name)) return name === 'token_embd.weight' && facts.tied ? whole : rowsOf(facts, tensor, place);
  if (place.role === 'experts') return expertsUsed(facts, tensor, place);
  return place.role === 'other' || mayBeUnused(name, place) ? unknown : whole;
}

/** Of the two lists of factors for RoPE a context takes one. Models of other programs have layers of other names. */
function mayBeUnused(name: string, { role, layer }: TensorPlace): boolean {
  if (/^masked_embd|attn_rot_embd|\brope_factors_/.test(name)) return true;
  return layer === null && (role === 'attention' || role === 'dense-ffn') && !name.startsWith('rope_');
}

/** Tensors that llama.cpp looks rows up in (GGML_OP_GET_ROWS in its list of tensors). */
const tables: readonly RegExp[] = [
  /^(?:token_embd|position_embd|token_types|per_layer_token_embd)\.weight$/,
  /ffn_gate_tid2eid|_compressor_ape\b|attn_rel_b\b|^d2t\b/,
  // n-grams, a table a layer or a table for each length; scales of their rows lie in tables of their own
  /(?:^|\.)(?:engram|ple|n_?gram)(?:_\w+)?_embd/,
];

function isTable(name: string): boolean {
  return tables.some((pattern) => pattern.test(name));
}

function otherPathOf(
  facts: Facts,
  { name }: ModelTensor,
  { stack, layer, role }: TensorPlace,
): OtherPath | null {
  const { model, hasDecoder, draftLayers, sharedFrom } = facts;
  if (role === 'vision' || role === 'adapter') return role;
  // A decoder of sound is a model of its own, whose tokens walk it.
  if (role === 'audio') return model.architecture.startsWith('wavtokenizer') ? null : 'audio';
  if (/^enc\b/.test(name) && hasDecoder) return 'encoder';
  if (stack === '' && layer !== null && draftLayers.has(layer)) return 'draft';
  if (role === 'draft' && !isDraftModel(model)) return 'draft';
  const makesKeys = /\.attn_(?:k|v|k_norm)\./.test(name);
  if (stack === '' && layer !== null && layer >= sharedFrom && makesKeys) return 'nothing';
  return /\.cross_attn_rel_b\b/.test(name) ? 'nothing' : null;
}

function rowsOf(
  { model, ngramRows }: Facts,
  { name, shape }: ModelTensor,
  { layer }: TensorPlace,
): TensorUse {
  const of = Math.max(
    1,
    shape.slice(1).reduce((product, n) => product * n, 1),
  );
  const ofRows = (least: number, most: number): TensorUse => ({
    kind: 'rows',
    of,
    least: Math.min(of, least),
    most: Math.min(of, most),
  });
  // Relative positions: a row for each distance that occurs.
  if (/attn_rel_b\b/.test(name)) return ofRows(1, of);
  if (!isNgramTable(model, name)) return ofRows(1, 1);
  const rows = ngramRows.get(layer ?? -1) ?? ngramRows.get(-1);
  return rows === undefined ? ofRows(1, of) : ofRows(rows, rows);
}

/** `per_layer_token_embd` holds a row a token in Gemma 3n and 4, rows of n-grams where the keys tell of those. */
function isNgramTable({ architecture, keys }: Model, name: string): boolean {
  if (!name.startsWith('per_layer_token_embd')) return /(?:engram|ple|n_?gram)(?:_\w+)?_embd/.test(name);
  return keys.has(`${architecture}.ple.ngram_size`);
}

function expertsUsed({ model }: Facts, tensor: ModelTensor, { expert }: TensorPlace): TensorUse {
  const { architecture, experts, keys } = model;
  // A tensor for each expert is one of as many as there are.
  const of = expert === null ? stackedExperts(model, tensor) : (experts?.count ?? null);
  if (of === null) return unknown;
  const ofValues = keys.get(`${architecture}.attention.value_expert_used_count`);
  const used = /attn_v_exps/.test(tensor.name) && typeof ofValues === 'number' ? ofValues : experts?.used;
  // Experts that several share (chexps) are used once or as often as those that share them.
  const sharing = of !== experts?.count;
  if (used == null) return { kind: 'experts', of, least: Math.min(1, of), most: of };
  return { kind: 'experts', of, least: sharing ? 1 : Math.min(used, of), most: Math.min(used, of) };
}

function factsOf(model: Model): Facts {
  const names = new Set(model.tensors.map(({ name }) => name));
  return {
    model,
    tied: !names.has('output.weight') && !onlyEmbeds(model),
    hasDecoder: [...names].some((name) => /^(?:dec\.)?blk\./.test(name)),
    draftLayers: draftLayersOf(model),
    sharedFrom: sharedFrom(model),
    ngramRows: ngramRowsOf(model),
  };
}

/** Models that give embeddings, and no text. */
function onlyEmbeds({ architecture, keys }: Model): boolean {
  const pooling = keys.get(`${architecture}.pooling_type`);
  return /bert|embed|t5encoder/.test(architecture) || (typeof pooling === 'number' && pooling > 0);
}

/** A model of its own that guesses for another: its walk is what it has. */
function isDraftModel({ architecture }: Model): boolean {
  return /eagle|dflash|dspark|assistant|mtp/.test(architecture);
}

/** How many layers guess further tokens, as keys of today's architectures call it: NextN, MTP (multi-token prediction). */
const draftLayersKey = /\.(?:num_)?(?:nextn|mtp)_(?:\w+_)?(?:layers|modules|blocks|block_count|depth)$/;

/**
 * The last layers, as many as a key says, also where these come beyond those that `block_count` counts; and any that hold
 * tensors of that kind. Where what guesses lies outside the layers, the key speaks of that.
 */
function draftLayersOf({ keys, layers, tensors }: Model): Set<number> {
  const places = tensors.map(({ name }) => tensorPlace(name));
  const main = places.filter(({ stack, layer }) => stack === '' && layer !== null);
  const all = Math.max(layers, greatest(main.map(({ layer }) => (layer as number) + 1)));
  const outside = places.some(({ role, layer }) => role === 'draft' && layer === null);
  const counts = [...keys].flatMap(([key, value]) =>
    draftLayersKey.test(key) && typeof value === 'number' ? [value] : [],
  );
  const last = outside ? 0 : Math.min(greatest([0, ...counts]), all);
  const draft = new Set(Array.from({ length: last }, (_, i) => all - 1 - i));
  for (const { stack, layer, role } of places) {
    if (stack === '' && layer !== null && role === 'draft') draft.add(layer);
  }
  // A file of nothing else is the draft model itself.
  const others = places.some(({ stack, layer }) => stack === '' && layer !== null && !draft.has(layer));
  return others ? draft : new Set();
}

/** Gemma 3n computes keys and values in its first 20 layers, whatever its keys say; Gemma 4 in all but so many. */
function sharedFrom({ architecture, keys, layers }: Model): number {
  if (architecture === 'gemma3n') return 20;
  const shared = keys.get(`${architecture}.attention.shared_kv_layers`);
  return typeof shared === 'number' && shared > 0 ? layers - shared : Number.POSITIVE_INFINITY;
}

/**
 * Tables of n-grams give a row for each length of n-gram and each head. The weights that take all these rows at once tell
 * how many they are by their width; where there are none, the keys do.
 */
function ngramRowsOf({ architecture, keys, tensors }: Model): Map<number, number> {
  const rows = new Map<number, number>();
  const own = (name: string) => name.replace(/^blk\.\d+\./, '');
  for (const { name, shape } of tensors) {
    if (!/^(?:engram|ple)_(?:w?kv|value|key)\.weight$/.test(own(name))) continue;
    const { layer } = tensorPlace(name);
    const inLayer = tensors.filter(
      (table) => isTable(table.name) && !/scale/.test(table.name) && tensorPlace(table.name).layer === layer,
    );
    const ngrams = inLayer.filter((table) => /^(?:engram|ple|n_?gram)/.test(own(table.name)));
    const table = ngrams[0] ?? tensors.find((each) => each.name === 'per_layer_token_embd.weight');
    const count = (shape[0] ?? 0) / (table?.shape[0] ?? 0) / Math.max(1, ngrams.length);
    if (Number.isInteger(count) && count > 0) rows.set(ngrams.length > 0 ? (layer ?? -1) : -1, count);
  }
  for (const [kind, heads, size] of ngramKeys) {
    const of = (key: string) => keys.get(`${architecture}.${kind}.${key}`);
    const [headCount, ngram] = [of(heads), of(size)];
    if (rows.size === 0 && typeof headCount === 'number' && typeof ngram === 'number' && ngram > 1)
      rows.set(-1, headCount * (ngram - 1));
  }
  return rows;
}

/** Heads for each length of n-gram, and the longest: the shortest are pairs. */
const ngramKeys = [
  ['ple', 'heads_per_ngram', 'ngram_size'],
  ['engram', 'head_count', 'max_ngram_size'],
  ['engram', 'n_head', 'max_ngram_size'],
] as const;
