import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A value of a key: a text, a whole number (UINT32), true or false, or a list of texts or whole numbers. */
export type TestValue = string | number | boolean | string[] | number[];

export interface TestTensor {
  name: string;
  shape: number[];
  /** ggml's number. Default: F16. */
  type?: number;
  /** Default: what F16 takes. */
  bytes?: number;
}

export interface TestFile {
  keys?: Record<string, TestValue>;
  tensors?: TestTensor[];
  version?: number;
  bigEndian?: boolean;
}

/** A GGUF file as plain as its specification, weights of zeros: for files that blkscope itself does not write. */
export function ggufFile({ keys = {}, tensors = [], version = 3, bigEndian = false }: TestFile): Buffer {
  const alignment = (keys['general.alignment'] as number | undefined) ?? 32;
  const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const u64 = (value: number) => {
    const [low, high] = [u32(value % 2 ** 32), u32(Math.floor(value / 2 ** 32))];
    return Buffer.concat(bigEndian ? [high, low] : [low, high]);
  };
  const length = version === 1 ? u32 : u64;
  const text = (value: string) => Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)]);
  const bytesOf = (value: TestValue): Buffer[] => {
    if (typeof value === 'string') return [u32(8), text(value)];
    if (typeof value === 'boolean') return [u32(7), Buffer.from([Number(value)])];
    if (typeof value === 'number') return [u32(4), u32(value)];
    const texts = typeof value[0] === 'string';
    const elements = value.map((each) => (typeof each === 'string' ? text(each) : u32(each)));
    return [u32(9), u32(texts ? 8 : 4), length(value.length), ...elements];
  };
  const sizes = tensors.map(({ shape, bytes }) => bytes ?? 2 * shape.reduce((a, b) => a * b, 1));
  let offset = 0;
  const list = tensors.map(({ name, shape, type = 1 }, i) => {
    const entry = Buffer.concat([
      text(name),
      u32(shape.length),
      ...shape.map(length),
      u32(type),
      u64(offset),
    ]);
    offset += aligned(sizes[i] as number);
    return entry;
  });
  const beginning = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    length(tensors.length),
    length(Object.keys(keys).length),
    ...Object.entries(keys).flatMap(([key, value]) => [text(key), ...bytesOf(value)]),
    ...list,
  ]);
  return Buffer.concat([beginning, Buffer.alloc(aligned(beginning.length) - beginning.length + offset)]);
}

export function writeGguf(path: string, file: TestFile): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, ggufFile(file));
  return path;
}

/** A model of one file: its architecture's own keys without the architecture before them. */
export function modelFile(
  architecture: string,
  own: Record<string, TestValue>,
  tensors: TestTensor[],
): TestFile {
  const keys = Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value]);
  return { keys: { 'general.architecture': architecture, ...Object.fromEntries(keys) }, tensors };
}

/** The tensors of a layer with these names, each a matrix of 64 x 32 in F16: 4,096 bytes. */
export function layer(prefix: string, ...names: string[]): TestTensor[] {
  return names.map((name) => ({ name: `${prefix}.${name}.weight`, shape: [64, 32] }));
}
