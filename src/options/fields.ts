/** What options are made of: each refuses what it is not, and makes one of several ways to write a value. */
import * as z from 'zod';
import { parseSize } from '../memory/size.js';

/** Bytes, or a size as people write it (`15G`); gives bytes. */
export const size = z.union([z.number(), z.string()]).transform((value, context) => {
  try {
    return parseSize(String(value));
  } catch {
    context.addIssue({
      code: 'custom',
      message: `'${value}' is not a size; write it like 15G, 512MiB or 800MB`,
    });
    return z.NEVER;
  }
});

/** More than nothing. */
export const someSize = size.refine((bytes) => bytes > 0, 'a size of 0 bytes makes no sense');

export const text = z.string();
export const name = z.string().min(1);
export const flag = z.boolean();
export const whole = z.number().int();
export const count = whole.positive();
/** 0 or more. */
export const natural = whole.nonnegative();
/** Of time, in the unit of the option. */
export const duration = z.number().positive();
export const texts = z.array(z.string());
export const names = z.array(name);

/** Given as a number or a bigint; gives a bigint. */
export const sector = z
  .union([z.bigint(), natural], { error: 'is not a sector; give a whole number from 0 on' })
  .transform((value) => BigInt(value))
  .refine((value) => value >= 0n && value < 2n ** 64n, 'is not a sector; give a whole number from 0 on');

/** Variables of an environment. */
export const environment = z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string());

export const abortSignal = z.custom(
  (value) => value instanceof AbortSignal,
  'is no AbortSignal; give that of an AbortController',
);

export const callback = z.custom((value) => typeof value === 'function', 'is no function');

/** An object of a type of its own, such as a Progress: not looked into. */
export const anyObject = z.custom((value) => typeof value === 'object' && value !== null, 'is no object');
