import { closeSync, readSync } from 'node:fs';
import { openToRead } from '../files/read.js';

/** What a key of a GGUF file says; of lists only short ones of numbers are kept. Numbers beyond 2^53 are rounded. */
export type KeyValue = string | number | boolean | number[];

/** A tensor as a GGUF file lists it: its type by ggml's number, its offset from the first byte of weights. */
export interface ListedTensor {
  name: string;
  type: number;
  /** The row's length first. */
  shape: number[];
  offset: number;
}

/** The beginning of a GGUF file: what llama.cpp reads before any weights. */
export interface GgufLayout {
  keys: Map<string, KeyValue>;
  tensors: ListedTensor[];
  /** The keys and the list of tensors: so many bytes from the file's start. */
  metadataBytes: number;
  /** Where the weights begin. */
  dataStart: number;
  /** Every tensor begins at a multiple of it. */
  alignment: number;
}

/** Why a file's beginning makes no sense. `short`: it ends before what it lists. */
export class BrokenLayout extends Error {
  constructor(
    message: string,
    readonly short = false,
  ) {
    super(message);
  }
}

/** Lists and texts beyond this are passed over: vocabularies, merges, chat templates. */
const keptNumbers = 4096;
const keptTextBytes = 4096;

const defaultAlignment = 32;
/** ggml has four; more can only be damage. */
const mostDimensions = 8;
/** Of an entry in the list of tensors: an empty name, no dimensions. */
const leastEntryBytes = 24;

/**
 * Reads the beginning of a GGUF file of `fileBytes` bytes, versions 1 to 3 of either byte order. There is no limit to
 * the length of a key, a list or all of them together but the file's own: what llama.cpp loads, this reads.
 *
 * Throws BrokenLayout, and the system's errors.
 */
export function readGgufLayout(path: string, fileBytes: number): GgufLayout {
  const descriptor = openToRead(path);
  try {
    return readLayout(new HeaderReader(descriptor, fileBytes));
  } finally {
    closeSync(descriptor);
  }
}

function readLayout(reader: HeaderReader): GgufLayout {
  reader.skip(4); // the magic number
  reader.chooseVersion();
  const tensorCount = reader.count(leastEntryBytes, 'tensors');
  const keyCount = reader.count(1, 'keys');
  const keys = new Map<string, KeyValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = reader.text('the name of a key');
    const value = readValue(reader, reader.u32(), key);
    if (value !== null) keys.set(key, value);
  }
  const tensors = Array.from({ length: tensorCount }, () => readTensor(reader));
  const alignment = keys.get('general.alignment') ?? defaultAlignment;
  if (typeof alignment !== 'number' || !(alignment > 0) || !Number.isInteger(Math.log2(alignment)))
    throw new BrokenLayout(`general.alignment is ${alignment}, no power of two`);
  const metadataBytes = reader.position;
  return {
    ...{ keys, tensors, metadataBytes, alignment },
    dataStart: Math.ceil(metadataBytes / alignment) * alignment,
  };
}

function readTensor(reader: HeaderReader): ListedTensor {
  const name = reader.text('the name of a tensor');
  const dimensions = reader.u32();
  if (dimensions > mostDimensions) throw new BrokenLayout(`${name} has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => reader.length());
  return { name, shape, type: reader.u32(), offset: reader.u64() };
}

/** The types of values, by GGUF's numbers. */
const textType = 8;
const listType = 9;
const scalars: readonly ({ bytes: number; read: (reader: HeaderReader) => number | boolean } | null)[] = [
  { bytes: 1, read: (reader) => reader.view(1).getUint8(0) },
  { bytes: 1, read: (reader) => reader.view(1).getInt8(0) },
  { bytes: 2, read: (reader) => reader.view(2).getUint16(0, reader.little) },
  { bytes: 2, read: (reader) => reader.view(2).getInt16(0, reader.little) },
  { bytes: 4, read: (reader) => reader.u32() },
  { bytes: 4, read: (reader) => reader.view(4).getInt32(0, reader.little) },
  { bytes: 4, read: (reader) => reader.view(4).getFloat32(0, reader.little) },
  { bytes: 1, read: (reader) => reader.view(1).getUint8(0) !== 0 },
  null, // text
  null, // a list
  { bytes: 8, read: (reader) => reader.u64() },
  { bytes: 8, read: (reader) => Number(reader.view(8).getBigInt64(0, reader.little)) },
  { bytes: 8, read: (reader) => reader.view(8).getFloat64(0, reader.little) },
];

/** null: passed over. */
function readValue(reader: HeaderReader, type: number, key: string): KeyValue | null {
  if (type === textType) return reader.keptText(key);
  if (type === listType) return readList(reader, key);
  return scalarOf(type, key).read(reader);
}

function readList(reader: HeaderReader, key: string): number[] | null {
  const type = reader.u32();
  if (type === textType || type === listType) {
    const count = reader.count(1, `elements of ${key}`);
    for (let i = 0; i < count; i++) {
      if (type === textType) reader.skip(reader.length());
      else readList(reader, key);
    }
    return null;
  }
  const scalar = scalarOf(type, key);
  const count = reader.count(scalar.bytes, `elements of ${key}`);
  if (count <= keptNumbers) return Array.from({ length: count }, () => Number(scalar.read(reader)));
  reader.skip(count * scalar.bytes);
  return null;
}

function scalarOf(type: number, key: string) {
  const scalar = scalars[type];
  if (!scalar)
    throw new BrokenLayout(`${key || 'a key'} has a value of type ${type}, which GGUF does not know`);
  return scalar;
}

const chunkBytes = 1 << 20;

/** A file's beginning, front to back, a piece of it in memory at a time. */
class HeaderReader {
  /** The byte order. */
  little = true;
  #lengthBytes: 4 | 8 = 8;
  #buffer = Buffer.alloc(chunkBytes);
  /** Where in the file the buffer begins, how much of it is filled, and how far it was read. */
  #start = 0;
  #filled = 0;
  #at = 0;

  constructor(
    private readonly descriptor: number,
    private readonly fileBytes: number,
  ) {}

  get position(): number {
    return this.#start + this.#at;
  }

  /** A file of the other byte order shows by its version, which is small. */
  chooseVersion(): void {
    const bytes = this.view(4);
    this.little = bytes.getUint16(0, true) !== 0;
    const version = bytes.getUint32(0, this.little);
    if (version < 1 || version > 3) throw new BrokenLayout(`its version is ${version}, not 1 to 3`);
    this.#lengthBytes = version === 1 ? 4 : 8;
  }

  /** The next bytes; valid until the next call. */
  view(bytes: number): DataView {
    if (this.#at + bytes > this.#filled) this.#fill(bytes);
    const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + this.#at, bytes);
    this.#at += bytes;
    return view;
  }

  u32(): number {
    if (this.#at + 4 > this.#filled) this.#fill(4);
    const at = this.#at;
    this.#at += 4;
    return this.little ? this.#buffer.readUInt32LE(at) : this.#buffer.readUInt32BE(at);
  }

  u64(): number {
    const first = this.u32();
    const second = this.u32();
    return this.little ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** A number of bytes or elements, as wide as the version has them. */
  length(): number {
    return this.#lengthBytes === 4 ? this.u32() : this.u64();
  }

  /** A length of things of at least so many bytes each, of which the file must have room. */
  count(leastBytes: number, what: string): number {
    const count = this.length();
    this.#require(count * leastBytes, `${count} ${what}`);
    return count;
  }

  text(what: string): string {
    const bytes = this.length();
    this.#require(bytes, what);
    const { buffer, byteOffset } = this.view(bytes);
    return Buffer.from(buffer, byteOffset, bytes).toString();
  }

  /** A value that is a text; null for one that is too long to keep. */
  keptText(key: string): string | null {
    const bytes = this.length();
    this.#require(bytes, key);
    if (bytes > keptTextBytes) {
      this.skip(bytes);
      return null;
    }
    const { buffer, byteOffset } = this.view(bytes);
    return Buffer.from(buffer, byteOffset, bytes).toString();
  }

  skip(bytes: number): void {
    this.#require(bytes, 'what it holds');
    if (this.#at + bytes <= this.#filled) {
      this.#at += bytes;
      return;
    }
    this.#start = this.position + bytes;
    this.#at = 0;
    this.#filled = 0;
  }

  #require(bytes: number, what: string): void {
    const left = this.fileBytes - this.position;
    if (bytes > left) throw new BrokenLayout(`${what} would take ${bytes} bytes, and ${left} follow`, true);
  }

  #fill(bytes: number): void {
    this.#require(bytes, 'its beginning');
    this.#start += this.#at;
    this.#at = 0;
    this.#filled = 0;
    if (bytes > this.#buffer.length) this.#buffer = Buffer.alloc(bytes);
    while (this.#filled < bytes) {
      const room = this.#buffer.length - this.#filled;
      const read = readSync(this.descriptor, this.#buffer, this.#filled, room, this.#start + this.#filled);
      if (read === 0) throw new BrokenLayout('it became shorter while it was read', true);
      this.#filled += read;
    }
  }
}
