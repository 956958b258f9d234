import { statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { PartialFile } from '../files/partial.js';
import { writeAll } from '../files/write.js';
import { type GgufHeader, ggufHeader } from './gguf-header.js';
import { modelKeys } from './synthetic-metadata.js';
import {
  type Fill,
  type ModelShape,
  type PresetName,
  planBytes,
  planTensors,
  presets,
  type TensorPlan,
  type WeightMix,
} from './synthetic-shape.js';
import {
  scaleExponent,
  seededOrder,
  seededValues,
  WeightPool,
  type WeightType,
} from './synthetic-weights.js';
import { tensorBytes } from './tensor-types.js';

/**
 * How the tokens of a mixture of experts spread over a layer's experts: each as likely, or by Zipf's law with this
 * exponent, the experts in another order of rank in each layer.
 */
export type Router = 'uniform' | { zipf: number };

/** Which model is made. */
export interface SynthesizeOptions {
  /** Default: `demo`. */
  preset?: PresetName;
  /** Default: the preset's. */
  weights?: WeightMix;
  /** Default: the preset's. Not together with `bytes`. */
  layers?: number;
  /** The number of layers is the one that brings the weights nearest to this size; BAD_SHAPE where that is off by more than a tenth. */
  bytes?: number;
  /** Default: `uniform`. */
  router?: Router;
  /** The same seed gives the same file, byte for byte. Default: 1. */
  seed?: number;
  /** Told how far it is, of the file's bytes. */
  onProgress?: (writtenBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/** What was written. */
export interface SyntheticModel extends ModelShape {
  path: string;
  /** Of the file. */
  bytes: number;
  parameters: number;
}

/**
 * Writes a GGUF model of random weights that llama.cpp loads and generates made-up words from: a stand-in for a real
 * model of that shape where only its size and its access pattern matter.
 *
 * The file appears under its name when it is whole and on the disk; until then it has a hidden name, and is
 * removed on failure. An existing file is replaced. Its pages are left in the page cache.
 *
 * @throws BlkscopeError `BAD_SHAPE`, `ENOSPC`, or the system's code for the folder; the signal's reason when aborted.
 */
export async function synthesizeModel(
  path: string,
  options: SynthesizeOptions = {},
): Promise<SyntheticModel> {
  const model = syntheticShape(options);
  const tensors = planTensors(model);
  const header = ggufHeader(modelKeys(model), tensors);
  options.signal?.throwIfAborted();
  await requireSpace(path, header.fileBytes);
  try {
    const partial = PartialFile.beside(path);
    try {
      await writeModel(partial, header, tensors, options);
      await partial.publishOnDisk(basename(path), { replace: true });
    } finally {
      partial.discard();
    }
  } catch (error) {
    throw isSystemError(error) ? cannotWrite(path, error) : error;
  }
  const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return { ...model, path, bytes: header.fileBytes, parameters };
}

/**
 * The shape that these options choose.
 *
 * @throws BlkscopeError `BAD_SHAPE`
 */
export function syntheticShape({ preset = 'demo', weights, layers, bytes }: SynthesizeOptions): ModelShape {
  const base: ModelShape | undefined = presets[preset];
  if (base === undefined) {
    throw badShape(`there is no shape '${preset}'; choose one of ${Object.keys(presets).join(', ')}`);
  }
  if (layers !== undefined && bytes !== undefined) throw badShape('give the layers or the size, not both');
  const model = { ...base, weights: weights ?? base.weights, layers: layers ?? base.layers };
  if (bytes !== undefined) return { ...model, layers: layersForSize(model, bytes) };
  if (!Number.isInteger(model.layers) || model.layers < 1 || model.layers > MAX_LAYERS) {
    throw badShape(`${model.layers} is no number of layers; give 1 to ${MAX_LAYERS}`);
  }
  return model;
}

/** llama.cpp's own limit. */
const MAX_LAYERS = 512;

/** A file that is further from the size that was asked for than this share of it is not that size. */
const sizeTolerance = 0.1;

function layersForSize(model: ModelShape, bytes: number): number {
  const size = (layers: number) => planBytes(planTensors({ ...model, layers }));
  const shape = `shape ${model.name} in ${model.weights}`;
  if (bytes < size(1) * (1 - sizeTolerance) || bytes > size(MAX_LAYERS)) {
    throw badShape(
      `${shape} cannot be ${bytes} bytes: with one layer it has ${size(1)}, with ${MAX_LAYERS} it has ${size(MAX_LAYERS)}; give a size between them, or another shape`,
    );
  }
  let fewer = 1;
  let more = MAX_LAYERS;
  while (more - fewer > 1) {
    const middle = (fewer + more) >> 1;
    if (size(middle) <= bytes) fewer = middle;
    else more = middle;
  }
  const nearest = bytes - size(fewer) <= size(more) - bytes ? fewer : more;
  if (Math.abs(size(nearest) - bytes) > bytes * sizeTolerance) {
    throw badShape(
      `${shape} cannot be ${bytes} bytes: the nearest sizes are ${size(fewer)} and ${size(more)}`,
    );
  }
  return nearest;
}

function badShape(reason: string): BlkscopeError {
  return new BlkscopeError('BAD_SHAPE', `cannot make a synthetic model: ${reason}`);
}

async function requireSpace(path: string, bytes: number): Promise<void> {
  const folder = dirname(path);
  const free = await statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    (error) => {
      throw cannotWrite(path, error);
    },
  );
  if (free < bytes) {
    throw new BlkscopeError(
      'ENOSPC',
      `cannot write ${path}: it takes ${bytes} bytes and ${folder} has ${free} free; free some, or choose a smaller shape or another folder`,
      'busy',
    );
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

function cannotWrite(path: string, error: NodeJS.ErrnoException): BlkscopeError {
  const code = error.code ?? 'EIO';
  const reason = code === 'ENOENT' ? 'there is no such folder' : code;
  const kind = code === 'ENOSPC' ? 'busy' : 'usage';
  return new BlkscopeError(
    code,
    `cannot write ${path}: ${reason}; choose another place for the model`,
    kind,
    {
      cause: error,
    },
  );
}

async function writeModel(
  file: PartialFile,
  header: GgufHeader,
  tensors: readonly TensorPlan[],
  options: SynthesizeOptions,
): Promise<void> {
  const output = new ModelOutput(file.fd, header.fileBytes, options);
  await output.write(header.bytes);
  for (const [index, tensor] of tensors.entries()) {
    await output.padTo(header.tensorOffsets[index] as number);
    await output.writeTensor(tensor);
  }
  await output.padTo(header.fileBytes);
}

/** The file while it is written, front to back. */
class ModelOutput {
  private written = 0;
  private readonly pools = new Map<string, WeightPool>();
  private readonly seed: number;

  constructor(
    private readonly fd: number,
    private readonly total: number,
    private readonly options: SynthesizeOptions,
  ) {
    this.seed = options.seed ?? 1;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.options.signal?.throwIfAborted();
    await writeAll(this.fd, bytes, this.written);
    this.written += bytes.length;
    this.options.onProgress?.(this.written, this.total);
  }

  async padTo(offset: number): Promise<void> {
    await this.write(Buffer.alloc(offset - this.written));
  }

  async writeTensor({ name, type, shape, fill }: TensorPlan): Promise<void> {
    if (type === 'F32') return this.write(Buffer.from(this.values(name, shape, fill).buffer));
    if (fill.kind !== 'weights') throw new Error(`${name}: only F32 tensors hold values`);
    const bytes = tensorBytes(type, shape);
    const quiet = tensorBytes(type, [shape[0] as number, fill.quietRows]);
    if (fill.quiet === 0) await this.write(Buffer.alloc(quiet));
    else await this.writeWeights(this.pool(type, fill.deviation * fill.quiet), quiet);
    await this.writeWeights(this.pool(type, fill.deviation), bytes - quiet);
  }

  private async writeWeights(pool: WeightPool, bytes: number): Promise<void> {
    for (let left = bytes; left > 0; ) {
      const piece = pool.take(left);
      await this.write(piece);
      left -= piece.length;
    }
  }

  private values(name: string, shape: readonly number[], fill: Fill): Float32Array {
    const length = shape.reduce((a, b) => a * b, 1);
    switch (fill.kind) {
      case 'constant':
        return new Float32Array(length).fill(fill.value);
      case 'router-bias':
        return routerBias(this.options.router ?? 'uniform', length, this.seed, fill.layer);
      default:
        return seededValues(this.seed, name, length, fill.deviation);
    }
  }

  private pool(type: WeightType, deviation: number): WeightPool {
    const exponent = scaleExponent(type, deviation);
    const key = `${type} ${exponent}`;
    const pool = this.pools.get(key) ?? WeightPool.of(type, exponent, this.seed);
    this.pools.set(key, pool);
    return pool;
  }
}

function routerBias(router: Router, experts: number, seed: number, layer: number): Float32Array<ArrayBuffer> {
  const bias = new Float32Array(experts);
  if (router === 'uniform') return bias;
  for (const [rank, expert] of seededOrder(seed, `router ${layer}`, experts).entries()) {
    bias[expert] = -router.zipf * Math.log(rank + 1);
  }
  return bias;
}
