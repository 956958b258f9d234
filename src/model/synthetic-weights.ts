import { createCipheriv, createHash } from 'node:crypto';
import { blockBytes } from './tensor-types.js';

/** Types that random weights can be made in. */
export type WeightType = 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_K' | 'Q6_K' | 'MXFP4';

/** Bytes of a pool of weights, about: it stays in the cache while a file is written from it. */
const POOL_BYTES = 4 << 20;

/** Random bytes that depend on the seed and the label alone. */
function seededBytes(seed: number, label: string, length: number): Buffer {
  const key = createHash('sha256').update(`${seed} ${label}`).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Random numbers from an even distribution of this standard deviation, by seed and label. */
export function seededValues(seed: number, label: string, length: number, deviation: number): Float32Array {
  const bytes = seededBytes(seed, label, length * 4);
  const unit = new Uint32Array(bytes.buffer, bytes.byteOffset, length);
  return Float32Array.from(unit, (value) => (value / 2 ** 31 - 1) * Math.sqrt(3) * deviation);
}

/** 0 to length - 1 in an order that depends on the seed and the label alone. */
export function seededOrder(seed: number, label: string, length: number): number[] {
  const keys = seededValues(seed, label, length, 1);
  return [...keys.keys()].sort((a, b) => (keys[a] as number) - (keys[b] as number));
}

/**
 * The scale, as a power of two, that gives weights of this type a standard deviation within a factor of 1.5 of the
 * wanted one.
 */
export function scaleExponent(type: WeightType, deviation: number): number {
  return Math.max(SMALLEST_F16_EXPONENT, Math.round(Math.log2(deviation / forms[type].unit)));
}

/**
 * Endless random weights of one type and scale, made once and given out again and again.
 *
 * A pool is an odd number of blocks, so that its repetitions lie differently on a file system's blocks and none can be
 * stored once for all.
 */
export class WeightPool {
  private position = 0;

  private constructor(private readonly pool: Buffer) {}

  static of(type: WeightType, exponent: number, seed: number): WeightPool {
    const length = (Math.floor(POOL_BYTES / blockBytes(type)) | 1) * blockBytes(type);
    const pool = seededBytes(seed, `${type} ${exponent}`, length);
    forms[type].finish(pool, exponent);
    return new WeightPool(pool);
  }

  /** The next bytes, `limit` at most; the caller does not change them. */
  take(limit: number): Buffer {
    const piece = this.pool.subarray(this.position, this.position + limit);
    this.position = (this.position + piece.length) % this.pool.length;
    return piece;
  }
}

const SMALLEST_F16_EXPONENT = -14;

interface WeightForm {
  /** Standard deviation of weights whose scale is 1. */
  unit: number;
  /** Makes random bytes blocks of weights whose scale is 2 to the exponent. */
  finish(pool: Buffer, exponent: number): void;
}

/** The layout of the blocks is that of ggml-common.h. */
const forms: Record<WeightType, WeightForm> = {
  // sign and mantissa stay random: weights of 1 to 2, or -1 to -2
  F16: { unit: Math.sqrt(7 / 3), finish: setF16Exponents },
  // scale, 32 whole numbers of -128 to 127
  Q8_0: { unit: 73.9, finish: (pool, exponent) => stamp(pool, 34, 0, f16(exponent)) },
  // scale, 32 nibbles that stand for -8 to 7
  Q4_0: { unit: 4.64, finish: (pool, exponent) => stamp(pool, 18, 0, f16(exponent)) },
  // scale of scales, scale of minima, 8 scales and minima of 6 bits (8 each), 256 nibbles of 0 to 15:
  // a minimum of 7.5 steps puts the middle at 0
  Q4_K: {
    unit: 8 * 4.61,
    finish: (pool, exponent) => {
      const scales = [8, 8, 8, 8, 8, 8, 8, 8, 0x88, 0x88, 0x88, 0x88];
      stamp(pool, 144, 0, [...f16(exponent), ...f16(exponent + 2, 7.5 / 4), ...scales]);
    },
  },
  // 256 numbers of -32 to 31, 16 scales (4 each), scale of scales
  Q6_K: {
    unit: 4 * 18.5,
    finish: (pool, exponent) => stamp(pool, 210, 192, [...new Array<number>(16).fill(4), ...f16(exponent)]),
  },
  // exponent of half the scale, 32 nibbles that stand for 0, 1, 2, 3, 4, 6, 8, 12 and their negatives
  MXFP4: { unit: 5.85, finish: (pool, exponent) => stamp(pool, 17, 0, [exponent + 128]) },
};

function setF16Exponents(pool: Buffer, exponent: number): void {
  const bits = (exponent + 15) << 10;
  const values = new Uint16Array(pool.buffer, pool.byteOffset, pool.length / 2);
  for (let index = 0; index < values.length; index++) {
    values[index] = ((values[index] as number) & 0x83ff) | bits;
  }
}

/** Writes the same bytes at the same place into every block. */
function stamp(pool: Buffer, block: number, at: number, bytes: readonly number[]): void {
  const fixed = Buffer.from(bytes);
  for (let offset = at; offset < pool.length; offset += block) pool.set(fixed, offset);
}

/** The bytes of a half-precision number: a power of two, times a significand of 1 up to 2. */
function f16(exponent: number, significand = 1): number[] {
  const bits = ((exponent + 15) << 10) | Math.round((significand - 1) * 1024);
  return [bits & 0xff, bits >> 8];
}
