import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A tensor of a test file: its shape as PyTorch has it. */
export interface TestTensor {
  name: string;
  shape: number[];
  /** Default BF16. */
  dtype?: string;
}

const bytesOf: Record<string, number> = { BF16: 2, F16: 2, F32: 4, U8: 1, F8_E4M3: 1 };

/** Writes a file of safetensors as plain as its specification, with weights of zeros that take no room, or given. */
export function writeSafetensors(path: string, tensors: readonly TestTensor[], weights?: Buffer): string {
  let end = 0;
  const list = Object.fromEntries(
    tensors.map(({ name, shape, dtype = 'BF16' }) => {
      const begin = end;
      end += shape.reduce((product, n) => product * n, bytesOf[dtype] ?? 1);
      return [name, { dtype, shape, data_offsets: [begin, end] }];
    }),
  );
  const header = safetensorsHeader({ __metadata__: { format: 'pt' }, ...list });
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'w');
  writeSync(file, header);
  ftruncateSync(file, header.length + end);
  if (weights) writeSync(file, weights, 0, weights.length, header.length);
  closeSync(file);
  return path;
}

/** The length and the list, filled up with blanks as the format's own library does. */
export function safetensorsHeader(list: unknown): Buffer {
  const text = JSON.stringify(list);
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

/** A model of several files with its index and config.json, as Hugging Face keeps one. */
export function writeSharded(
  folder: string,
  shards: readonly (readonly TestTensor[])[],
  config: Record<string, unknown>,
): string[] {
  const of = String(shards.length).padStart(5, '0');
  const paths = shards.map((tensors, i) =>
    writeSafetensors(join(folder, `model-${String(i + 1).padStart(5, '0')}-of-${of}.safetensors`), tensors),
  );
  const map = shards.flatMap((tensors, i) => tensors.map(({ name }) => [name, basename(paths[i] as string)]));
  writeFileSync(
    join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) }),
  );
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return paths;
}
