import type * as z from 'zod';
import { BlkscopeError } from '../errors.js';
import { complaintOf } from './complaint.js';

/**
 * What a caller gave, as the schema makes it: sizes in bytes, defaults left to the callee. `call`: for the message.
 *
 * Throws BlkscopeError BAD_ARGUMENT, which names the option that is wrong: an unknown one, another type, out of range.
 */
export function checked<T>(schema: z.ZodType, options: unknown, call: string): T {
  const result = schema.safeParse(options, { reportInput: true, jitless: true });
  if (result.success) return result.data as T;
  throw new BlkscopeError('BAD_ARGUMENT', `${call}: ${complaintOf(result.error)}`);
}
