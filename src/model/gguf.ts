import { GGMLFileQuantizationType } from '@huggingface/gguf';
import { BlkscopeError } from '../errors.js';
import { append, greatest } from '../extremes.js';
import { asCaller } from '../files/identity.js';
import { distinctFiles, fileIdentity } from '../process/file-identity.js';
import type { KeyValue, ListedTensor } from './gguf-layout.js';
import {
  checkedParts,
  damaged,
  type ModelFile,
  nameOfPart,
  type ReadFile,
  readFile,
  readModelFiles,
  splitOf,
  truncated,
} from './model-files.js';
import { placeOf } from './roles.js';
import { configBeside, isSafetensors, readSafetensorsFile, safetensorsFiles } from './safetensors.js';
import { configKeys } from './safetensors-config.js';
import { ggufName } from './tensor-names.js';
import { tensorBytes, tensorTypeOf } from './tensor-types.js';
import type { TensorUse } from './tensor-use.js';

/** A file of a model. Its first `metadataBytes` hold the keys and the list of tensors; weights follow. */
export interface ModelPart extends ModelFile {
  metadataBytes: number;
}

/** Where a tensor's weights are: `offset` and `bytes` in bytes, in the part with this index. */
export interface ModelTensor {
  name: string;
  part: number;
  offset: number;
  bytes: number;
  /** The row's length first; experts are stacked in the last dimension. */
  shape: number[];
  /** By ggml's name, in capitals; `type 156` for one that is not known here. Of safetensors by their name: `BF16`, `F8_E4M3`. */
  type: string;
  /** Where files give other names than llama.cpp's converters: the name by those, which tells its place and use. */
  as?: string;
}

/** What a model's own files say about it. */
export interface Model {
  /** The first part: the path that llama.cpp takes. */
  path: string;
  parts: ModelPart[];
  /** Of all parts together. */
  bytes: number;
  /** `llama`, `gpt-oss`, ... */
  architecture: string;
  name: string | null;
  /** What most weights are, by llama.cpp's name: `F16`, `Q4_K_M`, ... */
  fileType: string | null;
  layers: number;
  /** In the order of their place in the files. */
  tensors: ModelTensor[];
  /** Experts in a layer and how many of them a token uses, null: the file does not say. null for a dense model. */
  experts: { count: number; used: number | null } | null;
  /** What else its files say, by key; long texts and lists are left out. */
  keys: ReadonlyMap<string, KeyValue>;
  /** What its files are, where they are not GGUF: llama.cpp does not load them. */
  format?: 'safetensors';
  /** What a user should know of it, a line each: types that are not known. */
  notes: string[];
  /** What tokens were seen to use of tensors, by name, where that is not what names and keys tell. */
  seenUses?: ReadonlyMap<string, TensorUse>;
}

/**
 * Reads the layout of a model of GGUF or safetensors, all parts of a split one; the weights themselves are not read.
 *
 * @throws BlkscopeError: what readModelFiles throws; `TRUNCATED_GGUF` (the file ends before the weights it lists);
 * `DAMAGED_GGUF` (its lists make no sense); likewise `TRUNCATED_SAFETENSORS`, `DAMAGED_SAFETENSORS`.
 *
 * @example
 * const { architecture, layers, tensors, bytes } = await readModel('model.gguf');
 */
export async function readModel(path: string): Promise<Model> {
  return asCaller(() =>
    isSafetensors(path) ? safetensorsModel(safetensorsFiles(path)) : modelOfParts(readModelFiles(path)),
  );
}

/**
 * The models that are whole among these files, each once, the largest first: a draft model and a projector beside the
 * model that they serve. Whichever file is what, and in which order, is told by what the files say. `leftOut` hears of
 * each file that is or should be a model, and why it is none.
 */
export async function modelsOf(
  paths: readonly string[],
  leftOut: (path: string, error: BlkscopeError) => void = () => {},
): Promise<Model[]> {
  return asCaller(() => modelsAmong(paths, leftOut));
}

function modelsAmong(
  paths: readonly string[],
  leftOut: (path: string, error: BlkscopeError) => void,
): Model[] {
  const told = <T>(path: string, action: () => T): T[] => {
    try {
      return [action()];
    } catch (error) {
      if (!(error instanceof BlkscopeError)) throw error;
      if (error.code !== 'NOT_GGUF') leftOut(path, error);
      return [];
    }
  };
  const once = distinctFiles(paths);
  const ofSafetensors = once.filter(isSafetensors);
  const others = once.filter((path) => !ofSafetensors.includes(path));
  const files = others.flatMap((path) => told(path, () => readFile(path)));
  const groups = new Map<string, ReadFile[]>();
  for (const file of files) groups.set(groupOf(file), [...(groups.get(groupOf(file)) ?? []), file]);
  const models = [...groups.values()].flatMap((group) =>
    told((group[0] as ReadFile).path, () => modelOfParts(wholeGroup(group))),
  );
  return [...models, ...safetensorsModels(ofSafetensors, told)].sort((a, b) => b.bytes - a.bytes);
}

/** `told` gives nothing for what throws. */
function safetensorsModels(
  paths: readonly string[],
  told: (path: string, action: () => Model) => Model[],
): Model[] {
  const left = new Set(paths.map(fileIdentity));
  const models: Model[] = [];
  for (const path of paths) {
    if (!left.has(fileIdentity(path))) continue;
    const whole = told(path, () => {
      const parts = safetensorsFiles(path);
      const missing = parts.filter((part) => !left.has(fileIdentity(part)));
      if (missing.length > 0) throw partsNotUsed(path, parts.length, missing.length);
      for (const part of parts) left.delete(fileIdentity(part));
      return safetensorsModel(parts);
    });
    append(models, whole);
  }
  return models;
}

/** The one model whose parts these files are, whatever their order; null when they are something else. */
export async function modelOf(paths: readonly string[]): Promise<Model | null> {
  const [model] = await modelsOf(paths);
  return model?.parts.length === distinctFiles(paths).length ? model : null;
}

/** Parts of one model say the same number of parts and of tensors; where they lie tells two such models apart. */
function groupOf(file: ReadFile): string {
  const named = nameOfPart(file.path);
  const split = splitOf(file);
  if (split?.count === 1 || (split === null && named === null)) return file.path;
  const told = split && `${split.count} ${file.layout.keys.get('split.tensors.count')}`;
  return `${told} ${named?.prefix ?? ''}`;
}

/** The parts in their order. Throws BlkscopeError where one of them is not among the files. */
function wholeGroup(group: ReadFile[]): ReadFile[] {
  const [first] = group as [ReadFile];
  const split = splitOf(first);
  const count = split?.count ?? nameOfPart(first.path)?.count ?? 1;
  if (group.length !== count) throw partsNotUsed(first.path, count, count - group.length);
  if (split === null) return group.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return checkedParts(group);
}

function partsNotUsed(path: string, count: number, missing: number): BlkscopeError {
  return new BlkscopeError(
    'SPLIT_PART_MISSING',
    `${path} is one of ${count} parts, and ${missing} of them are not among the files that were used`,
  );
}

/** `paths`: all files of the model. What their names and shapes do not tell, config.json beside them may. */
function safetensorsModel(paths: readonly string[]): Model {
  const files = paths.map(readSafetensorsFile);
  const holders = new Map<string, string>();
  for (const { path, tensors } of files) {
    for (const { name } of tensors) {
      const other = holders.get(name);
      if (other !== undefined) throw sharedTensor(path, name, other);
      holders.set(name, path);
    }
  }
  const tensors = files.flatMap((file, part) =>
    file.tensors.map(
      (tensor): ModelTensor => ({
        ...tensor,
        part,
        shape: tensor.shape.toReversed(),
        as: ggufName(tensor.name),
      }),
    ),
  );
  const first = paths[0] as string;
  const config = configBeside(first);
  const { architecture, name, keys } = configKeys(config ?? {});
  return {
    path: first,
    parts: files.map(({ path, bytes, metadataBytes }) => ({ path, bytes, metadataBytes })),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    architecture,
    name,
    fileType: mainType(tensors),
    layers: Math.max(numberOf(keys.get(`${architecture}.block_count`)) ?? 0, layersIn(tensors)),
    tensors,
    experts: expertsOf(keys, architecture, tensors),
    keys,
    format: 'safetensors',
    notes: config
      ? []
      : [`${first}: no config.json beside it, so that only names and shapes tell what the model is`],
  };
}

/** By their names. */
function layersIn(tensors: readonly ModelTensor[]): number {
  return greatest([0, ...tensors.map((each) => mainLayer(each) + 1)]);
}

function mainLayer(tensor: ModelTensor): number {
  const { stack, layer } = placeOf(tensor);
  return stack === '' ? (layer ?? -1) : -1;
}

function sharedTensor(path: string, name: string, other: string): BlkscopeError {
  return new BlkscopeError(
    'SPLIT_MISMATCH',
    `${path}: its parts contradict: it holds the tensor ${JSON.stringify(name)}, and so does ${other}; put the parts of one model together`,
  );
}

/** The type of most bytes. */
function mainType(tensors: readonly ModelTensor[]): string | null {
  const bytes = new Map<string, number>();
  for (const tensor of tensors) bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + tensor.bytes);
  return [...bytes].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

function modelOfParts(files: ReadFile[]): Model {
  const keys = new Map(files.toReversed().flatMap(({ layout }) => [...layout.keys]));
  const architecture = textOf(keys.get('general.architecture')) ?? 'unknown';
  const parts = files.map(({ path, bytes, layout }) => ({
    path,
    bytes,
    metadataBytes: layout.metadataBytes,
  }));
  const tensors = files.flatMap(partTensors);
  const fileType = keys.get('general.file_type');
  return {
    path: (parts[0] as ModelPart).path,
    parts,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    architecture,
    name: textOf(keys.get('general.name')),
    fileType: typeof fileType === 'number' ? fileTypeName(fileType) : null,
    layers: numberOf(keys.get(`${architecture}.block_count`)) ?? layersIn(tensors),
    tensors,
    experts: expertsOf(keys, architecture, tensors),
    keys,
    notes: notesOf(tensors),
  };
}

/** What the keys do not say the shapes may: how many experts a tensor stacks. */
function expertsOf(
  keys: ReadonlyMap<string, KeyValue>,
  architecture: string,
  tensors: readonly ModelTensor[],
): Model['experts'] {
  const stacked = tensors.find(
    (tensor) =>
      placeOf(tensor).role === 'experts' && placeOf(tensor).expert === null && tensor.shape.length > 2,
  );
  const single = tensors.map((tensor) => (placeOf(tensor).expert ?? -1) + 1);
  const count =
    numberOf(keys.get(`${architecture}.expert_count`)) ||
    stacked?.shape.at(-1) ||
    Math.max(0, greatest(single));
  const used = numberOf(keys.get(`${architecture}.expert_used_count`)) || null;
  return count > 0 ? { count, used: used && Math.min(used, count) } : null;
}

function partTensors({ path, bytes, layout }: ReadFile, part: number): ModelTensor[] {
  const file = { path, bytes };
  const listed = layout.tensors.toSorted((a, b) => a.offset - b.offset);
  let end = layout.metadataBytes;
  return listed.map((tensor, index) => {
    const { name, shape } = tensor;
    const type = tensorTypeOf(tensor.type);
    const offset = layout.dataStart + tensor.offset;
    const size =
      type === undefined
        ? sizeByPlace(tensor, listed[index + 1], layout.dataStart, bytes)
        : tensorBytes(type, shape);
    if (Number.isNaN(size)) throw damaged(file, `rows of ${name} are not whole blocks`);
    if (offset < end) throw damaged(file, `${name} begins inside what lies before it`);
    end = offset + size;
    if (end > bytes) throw truncated(file, end);
    return { name, part, offset, bytes: size, shape, type: type ?? `type ${tensor.type}` };
  });
}

/** A type that is not known: from the tensor's beginning to the next one's, padding included. */
function sizeByPlace(
  { offset }: ListedTensor,
  next: ListedTensor | undefined,
  dataStart: number,
  fileBytes: number,
): number {
  return (next?.offset ?? fileBytes - dataStart) - offset;
}

const typesTold = 3;

function notesOf(tensors: readonly ModelTensor[]): string[] {
  const unknown = tensors.filter(({ type }) => type.startsWith('type '));
  if (unknown.length === 0) return [];
  const types = [...new Set(unknown.map(({ type }) => type))];
  const shown = types.slice(0, typesTold).join(', ') + (types.length > typesTold ? ', ...' : '');
  const which =
    unknown.length === 1
      ? `${unknown[0]?.name} has`
      : `${unknown.length} tensors (${unknown[0]?.name}, ...) have`;
  return [
    `${which} a type that blkscope does not know (${shown}); sizes follow from where the next tensor begins`,
  ];
}

function fileTypeName(number: number): string | null {
  return GGMLFileQuantizationType[number]?.replace(/^MOSTLY_/, '') ?? null;
}

function textOf(value: KeyValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** Of a list, one number a layer, the largest. */
function numberOf(value: KeyValue | undefined): number | null {
  if (Array.isArray(value)) return value.length === 0 ? null : greatest(value);
  return typeof value === 'number' ? value : null;
}
