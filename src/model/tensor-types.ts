import { GGMLQuantizationType } from '@huggingface/gguf';

/** A tensor's type by ggml's name, in capitals: `F16`, `Q4_K`, `MXFP4`. */
export type TensorType = keyof typeof GGMLQuantizationType;

/** [weights in a block, bytes of a block], as ggml's own type traits state them. A row is whole blocks. */
const blocks: Record<TensorType, readonly [weights: number, bytes: number]> = {
  F64: [1, 8],
  F32: [1, 4],
  F16: [1, 2],
  BF16: [1, 2],
  I8: [1, 1],
  I16: [1, 2],
  I32: [1, 4],
  I64: [1, 8],
  Q1_0: [128, 18],
  Q2_0: [64, 18],
  Q4_0: [32, 18],
  Q4_1: [32, 20],
  Q5_0: [32, 22],
  Q5_1: [32, 24],
  Q8_0: [32, 34],
  Q8_1: [32, 36],
  Q2_K: [256, 84],
  Q3_K: [256, 110],
  Q4_K: [256, 144],
  Q5_K: [256, 176],
  Q6_K: [256, 210],
  Q8_K: [256, 292],
  IQ1_S: [256, 50],
  IQ1_M: [256, 56],
  IQ2_XXS: [256, 66],
  IQ2_XS: [256, 74],
  IQ2_S: [256, 82],
  IQ3_XXS: [256, 98],
  IQ3_S: [256, 110],
  IQ4_NL: [32, 18],
  IQ4_XS: [256, 136],
  TQ1_0: [256, 54],
  TQ2_0: [256, 66],
  MXFP4: [32, 17],
  NVFP4: [64, 36],
};

/** The type with this number in a GGUF file; undefined for numbers that are not known here. */
export function tensorTypeOf(number: number): TensorType | undefined {
  return GGMLQuantizationType[number] as TensorType | undefined;
}

/** The number that stands for a type in a GGUF file. */
export function tensorTypeNumber(type: TensorType): number {
  return GGMLQuantizationType[type];
}

/** Weights that share a block: the first dimension of a tensor is a multiple of it. */
export function blockWeights(type: TensorType): number {
  return blocks[type][0];
}

/** Bytes of one block. */
export function blockBytes(type: TensorType): number {
  return blocks[type][1];
}

/** Bytes of a tensor; `shape` has the row's length first, as in GGUF. NaN when a row is not whole blocks. */
export function tensorBytes(type: TensorType, shape: readonly number[]): number {
  const [weights, bytes] = blocks[type];
  const [row = 1, ...others] = shape;
  if (row % weights !== 0) return Number.NaN;
  return others.reduce((product, dimension) => product * dimension, (row / weights) * bytes);
}
