import {
  type GGUFTypedMetadata,
  GGUFValueType,
  type MetadataValue,
  serializeGgufMetadata,
} from '@huggingface/gguf';
import { type TensorType, tensorBytes, tensorTypeNumber } from './tensor-types.js';

/** The alignment of tensors in a GGUF file that states none, in bytes. */
const GGUF_ALIGNMENT = 32;

/** One key of a GGUF file. */
export interface GgufKey {
  key: string;
  type: GGUFValueType;
  value: MetadataValue;
  /** Of the elements, when `type` is ARRAY. */
  subType?: GGUFValueType;
}

/** A tensor to be listed in a header. */
export interface GgufTensor {
  name: string;
  type: TensorType;
  /** The row's length first. */
  shape: readonly number[];
}

/** The beginning of a GGUF file, and where in the file each tensor goes, in bytes. */
export interface GgufHeader {
  bytes: Buffer;
  tensorOffsets: number[];
  /** Of the whole file, the last tensor's padding included. */
  fileBytes: number;
}

/** The header (GGUF version 3, little-endian) of a file that holds these tensors in this order. */
export function ggufHeader(keys: readonly GgufKey[], tensors: readonly GgufTensor[]): GgufHeader {
  const list: Buffer[] = [];
  const offsets: number[] = [];
  let dataBytes = 0;
  for (const tensor of tensors) {
    list.push(tensorEntry(tensor, dataBytes));
    offsets.push(dataBytes);
    dataBytes += aligned(tensorBytes(tensor.type, tensor.shape));
  }
  const unpadded = Buffer.concat([serializeKeys(keys, tensors.length), ...list]);
  const dataStart = aligned(unpadded.length);
  return {
    bytes: Buffer.concat([unpadded, Buffer.alloc(dataStart - unpadded.length)]),
    tensorOffsets: offsets.map((offset) => dataStart + offset),
    fileBytes: dataStart + dataBytes,
  };
}

function serializeKeys(keys: readonly GgufKey[], tensorCount: number): Uint8Array {
  const metadata: GGUFTypedMetadata = {
    version: { value: 3, type: GGUFValueType.UINT32 },
    tensor_count: { value: BigInt(tensorCount), type: GGUFValueType.UINT64 },
    kv_count: { value: BigInt(keys.length), type: GGUFValueType.UINT64 },
  };
  for (const { key, ...typed } of keys) metadata[key] = typed;
  // an alignment of 1 leaves no padding between the keys and the list of tensors
  return serializeGgufMetadata(metadata, { alignment: 1 });
}

function tensorEntry({ name, type, shape }: GgufTensor, offset: number): Buffer {
  const label = Buffer.from(name);
  const entry = Buffer.alloc(8 + label.length + 4 + 8 * shape.length + 4 + 8);
  let at = entry.writeBigUInt64LE(BigInt(label.length));
  at += label.copy(entry, at);
  at = entry.writeUInt32LE(shape.length, at);
  for (const dimension of shape) at = entry.writeBigUInt64LE(BigInt(dimension), at);
  at = entry.writeUInt32LE(tensorTypeNumber(type), at);
  entry.writeBigUInt64LE(BigInt(offset), at);
  return entry;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / GGUF_ALIGNMENT) * GGUF_ALIGNMENT;
}
