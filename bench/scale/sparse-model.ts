import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { GGUFValueType } from '@huggingface/gguf';
import { ggufHeader } from '../../dist/model/gguf-header.js';
import type { TensorType } from '../../dist/model/tensor-types.js';

/** A mixture of experts as tables of sizes have it; its experts have the size of those of a model of 1 TB. */
export interface Mixture {
  layers: number;
  experts: number;
  /** Experts of a layer in one tensor, as converters do today, or each in a tensor of its own. */
  stacked: boolean;
}

export const expertsUsed = 8;
const width = 7168;
const expertWidth = 2048;
const pageBytes = 4096;

const tensor = (name: string, type: TensorType, shape: number[]) => ({ name: `${name}.weight`, type, shape });

function layerTensors(layer: number, { experts, stacked }: Mixture) {
  const of = (name: string) => `blk.${layer}.${name}`;
  const shapes = {
    ffn_gate: [width, expertWidth],
    ffn_up: [width, expertWidth],
    ffn_down: [expertWidth, width],
  };
  return [
    tensor(of('attn_norm'), 'F32', [width]),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => tensor(of(name), 'Q8_0', [width, width])),
    tensor(of('ffn_norm'), 'F32', [width]),
    tensor(of('ffn_gate_inp'), 'F32', [width, experts]),
    ...Object.entries(shapes).flatMap(([name, shape]) =>
      stacked
        ? [tensor(of(`${name}_exps`), 'Q8_0', [...shape, experts])]
        : Array.from({ length: experts }, (_, expert) => tensor(of(`${name}.${expert}`), 'Q8_0', shape)),
    ),
  ];
}

/** A model without weights: its file is a hole of their size, with a page on the disk at each place that is named. */
export function writeSparseModel(path: string, mixture: Mixture): number {
  const { layers, experts } = mixture;
  const whole = (key: string, value: number) => ({ key, type: GGUFValueType.UINT32, value });
  const keys = [
    { key: 'general.architecture', type: GGUFValueType.STRING, value: 'qwen3moe' },
    whole('qwen3moe.block_count', layers),
    whole('qwen3moe.embedding_length', width),
    whole('qwen3moe.expert_count', experts),
    whole('qwen3moe.expert_used_count', expertsUsed),
  ];
  const tensors = [
    tensor('token_embd', 'Q8_0', [width, 128_000]),
    ...Array.from({ length: layers }, (_, layer) => layerTensors(layer, mixture)).flat(),
    tensor('output_norm', 'F32', [width]),
    tensor('output', 'Q8_0', [width, 128_000]),
  ];
  const header = ggufHeader(keys, tensors);
  const file = openSync(path, 'w');
  writeSync(file, header.bytes);
  ftruncateSync(file, header.fileBytes);
  closeSync(file);
  return header.fileBytes;
}

/** Puts a page of zeros onto the disk within each of the places, so that something of them can have been read. */
export function writePages(path: string, offsets: readonly number[]): void {
  const file = openSync(path, 'r+');
  const page = Buffer.alloc(pageBytes);
  for (const offset of offsets) writeSync(file, page, 0, pageBytes, offset);
  fsyncSync(file);
  closeSync(file);
}

/** The first whole page within so many bytes; null: there is none. */
export function pageWithin(offset: number, bytes: number): number | null {
  const page = Math.ceil(offset / pageBytes) * pageBytes;
  return page + pageBytes <= offset + bytes ? page : null;
}
