import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GGMLFileQuantizationType, type GGUFParseOutput, gguf, type MetadataValue } from '@huggingface/gguf';
import { BlkscopeError } from '../errors.js';
import { type ModelFile, modelFiles } from './model-files.js';
import { type TensorType, tensorBytes, tensorTypeOf } from './tensor-types.js';

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
  type: TensorType;
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
  /** Experts in a layer and how many of them a token uses; null for a dense model. */
  experts: { count: number; used: number } | null;
}

/**
 * Reads the layout of a GGUF model, all parts of a split one; the weights themselves are not read.
 *
 * @throws BlkscopeError: `ENOENT` and other system codes; `NOT_GGUF`; `TRUNCATED_GGUF` (the file ends before the
 * weights it lists); `DAMAGED_GGUF` (its lists make no sense); `UNKNOWN_TENSOR_TYPE`.
 */
export async function readModel(path: string): Promise<Model> {
  const files = await modelFiles(path);
  const layouts = await Promise.all(files.map(parsePart));
  const first = layouts[0] as PartLayout;
  const { metadata } = first;
  const architecture = text(metadata['general.architecture']) ?? 'unknown';
  const fileType = metadata['general.file_type'];
  const expertCount = count(metadata[`${architecture}.expert_count`]);
  return {
    path: first.part.path,
    parts: layouts.map(({ part }) => part),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    architecture,
    name: text(metadata['general.name']),
    fileType: fileTypeName(fileType),
    layers: count(metadata[`${architecture}.block_count`]),
    tensors: layouts.flatMap(({ part, output }, index) => partTensors(part, output, index)),
    experts:
      expertCount > 0
        ? { count: expertCount, used: count(metadata[`${architecture}.expert_used_count`]) }
        : null,
  };
}

/** The model whose parts these files are, in this order; null when they are something else. */
export async function modelOf(paths: readonly string[]): Promise<Model | null> {
  const [first] = paths;
  if (first === undefined) return null;
  try {
    const model = await readModel(first);
    const whole = model.parts.length === paths.length;
    return whole && model.parts.every(({ path }, i) => resolve(path) === resolve(paths[i] as string))
      ? model
      : null;
  } catch (error) {
    if (error instanceof BlkscopeError) return null;
    throw error;
  }
}

interface PartLayout {
  part: ModelPart;
  output: GGUFParseOutput;
  metadata: Record<string, MetadataValue>;
}

async function parsePart(file: ModelFile): Promise<PartLayout> {
  await requireMagic(file);
  let output: GGUFParseOutput;
  try {
    output = await gguf(file.path, { allowLocalFile: true });
  } catch (error) {
    throw damaged(file, error instanceof Error ? error.message : String(error), error);
  }
  const metadataBytes = output.tensorInfoByteRange[1];
  // The parser reads zeros past the end of a file, so a list that was cut short shows only by where it ends.
  if (metadataBytes > file.bytes) throw truncated(file, metadataBytes);
  return {
    part: { ...file, metadataBytes },
    output,
    metadata: output.metadata as Record<string, MetadataValue>,
  };
}

async function requireMagic(file: ModelFile): Promise<void> {
  const start = Buffer.alloc(8);
  let bytesRead: number;
  try {
    const handle = await open(file.path, 'r');
    try {
      ({ bytesRead } = await handle.read(start, 0, start.length, 0));
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    throw new BlkscopeError(code, `cannot read the model ${file.path}: ${code}; check its permissions`);
  }
  if (start.toString('latin1', 0, Math.min(bytesRead, 4)) !== 'GGUF') {
    throw new BlkscopeError(
      'NOT_GGUF',
      `${file.path} is not a GGUF file (it does not begin with "GGUF"); name a model that llama.cpp can load, or convert it first`,
    );
  }
  if (bytesRead < start.length) throw truncated(file, start.length);
}

function partTensors(part: ModelPart, output: GGUFParseOutput, index: number): ModelTensor[] {
  const tensors = output.tensorInfos.map((info): ModelTensor => {
    const type = tensorTypeOf(info.dtype);
    if (type === undefined) {
      throw new BlkscopeError(
        'UNKNOWN_TENSOR_TYPE',
        `tensor ${info.name} of ${part.path} has type ${info.dtype}, which this version of blkscope does not know; update blkscope`,
        'unsupported',
      );
    }
    const shape = info.shape.map(Number);
    const offset = Number(output.tensorDataOffset + info.offset);
    return { name: info.name, part: index, offset, bytes: tensorBytes(type, shape), shape, type };
  });
  tensors.sort((a, b) => a.offset - b.offset);
  requireInPlace(part, tensors);
  return tensors;
}

/** Tensors that share bytes, or lie past the end, would make every figure per tensor wrong. */
function requireInPlace(part: ModelPart, tensors: ModelTensor[]): void {
  let end = part.metadataBytes;
  for (const tensor of tensors) {
    if (Number.isNaN(tensor.bytes)) throw damaged(part, `rows of ${tensor.name} are not whole blocks`);
    if (tensor.offset < end) throw damaged(part, `${tensor.name} begins inside what lies before it`);
    end = tensor.offset + tensor.bytes;
  }
  if (end > part.bytes) throw truncated(part, end);
}

function truncated(file: ModelFile, needed: number): BlkscopeError {
  return new BlkscopeError(
    'TRUNCATED_GGUF',
    `${file.path} is cut short: it has ${file.bytes} bytes and lists weights up to byte ${needed}; copy or download it again`,
  );
}

function damaged(file: ModelFile, reason: string, cause?: unknown): BlkscopeError {
  return new BlkscopeError(
    'DAMAGED_GGUF',
    `${file.path} is damaged or cut short: ${reason}; copy or download it again`,
    'usage',
    {
      cause,
    },
  );
}

function fileTypeName(value: MetadataValue | undefined): string | null {
  const name = typeof value === 'number' ? GGMLFileQuantizationType[value] : undefined;
  return name?.replace(/^MOSTLY_/, '') ?? null;
}

function text(value: MetadataValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function count(value: MetadataValue | undefined): number {
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
}
