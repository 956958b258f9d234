import type * as z from 'zod';
import { BlkscopeError } from '../errors.js';

/**
 * What a caller gave, as the schema makes it: sizes in bytes, defaults left to the callee. `call`: for the message.
 *
 * Throws BlkscopeError BAD_ARGUMENT, which names the option that is wrong: an unknown one, another type, out of range.
 */
export function checked<T>(schema: z.ZodType, options: unknown, call: string): T {
  const result = schema.safeParse(options, { reportInput: true, jitless: true });
  if (result.success) return result.data as T;
  const { where, why } = innermost(result.error.issues[0] as z.core.$ZodIssue);
  const name = where.length > 0 ? `${where.join('.')}: ` : '';
  throw new BlkscopeError('BAD_ARGUMENT', `${call}: ${name}${why}`);
}

/** Of a choice that none fitted, the complaint of the one that got furthest: it is about what was meant. */
export function innermost(issue: z.core.$ZodIssue): { where: PropertyKey[]; why: string } {
  if (issue.code === 'unrecognized_keys') {
    return { where: [...issue.path, issue.keys[0] as string], why: 'no such key' };
  }
  if (issue.input === undefined) return { where: issue.path, why: 'is missing' };
  if (issue.code === 'too_small' || issue.code === 'too_big')
    return { where: issue.path, why: outside(issue) };
  if (issue.code !== 'invalid_union') return { where: issue.path, why: issue.message };
  const inner = issue.errors
    .filter((branch) => !branch.some(({ code }) => code === 'unrecognized_keys'))
    .flatMap((branch) => branch.slice(0, 1))
    .map(innermost)
    .sort((a, b) => b.where.length - a.where.length)[0];
  const named = issue.message !== 'Invalid input';
  if (!inner || (named && inner.where.length === 0)) return { where: issue.path, why: issue.message };
  return { where: [...issue.path, ...inner.where], why: inner.why };
}

/** What is wrong with a number, or with how much there is of a text or a list. */
function outside(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [limit, beyond, side] =
    issue.code === 'too_small'
      ? ([issue.minimum, 'more than', 'at least'] as const)
      : ([issue.maximum, 'less than', 'at most'] as const);
  if (issue.origin !== 'string' && issue.origin !== 'array')
    return `must be ${issue.inclusive ? side : beyond} ${limit}`;
  return Number(limit) === 1 ? 'is empty' : `must have ${side} ${limit}`;
}
