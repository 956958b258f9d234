import type * as z from 'zod';

/** Where a value is wrong: keys and indices on the way to it. And why, in words that follow its name. */
export interface Complaint {
  where: PropertyKey[];
  why: string;
}

/** The first thing that is wrong, as "options.tokens.0: why". The input must have been reported with the error. */
export function complaintOf({ issues }: z.core.$ZodError): string {
  const { where, why } = complaintAbout(issues[0] as z.core.$ZodIssue);
  return where.length > 0 ? `${where.join('.')}: ${why}` : why;
}

/** Of a choice that none fitted, the complaint of the one that got furthest: it is about what was meant. */
export function complaintAbout(issue: z.core.$ZodIssue): Complaint {
  if (issue.code === 'unrecognized_keys')
    return { where: [...issue.path, issue.keys[0] as string], why: 'no such key' };
  if (issue.input === undefined) return { where: issue.path, why: 'is missing' };
  if (issue.code === 'invalid_union') return ofUnion(issue);
  if (issue.code === 'too_small' || issue.code === 'too_big')
    return { where: issue.path, why: outside(issue) };
  return { where: issue.path, why: hasOwnWords(issue) ? issue.message : reason(issue) };
}

function ofUnion(issue: z.core.$ZodIssueInvalidUnion): Complaint {
  const complaints = issue.errors
    .filter((branch) => !branch.some(({ code }) => code === 'unrecognized_keys'))
    .flatMap((branch) => branch.slice(0, 1))
    .map((inner) => complaintAbout(inner))
    .sort((a, b) => b.where.length - a.where.length);
  const furthest = complaints[0];
  const own = hasOwnWords(issue);
  if (!furthest || (own && furthest.where.length === 0))
    return { where: issue.path, why: own ? issue.message : `cannot be ${shown(issue.input)}` };
  return { where: [...issue.path, ...furthest.where], why: furthest.why };
}

/** A message that the schema gives. The library's begin with this word, and speak of schemas. */
const hasOwnWords = ({ message }: z.core.$ZodIssue) => !message.startsWith('Invalid ');

function reason(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type')
    return `must be ${typeWords[issue.expected] ?? issue.expected}, not ${shown(issue.input)}`;
  if (issue.code === 'invalid_value') return `must be ${oneOf(issue.values)}, not ${shown(issue.input)}`;
  if (issue.code === 'invalid_key') return 'is no name that is allowed here';
  return `cannot be ${shown(issue.input)}`;
}

const typeWords: Record<string, string> = {
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a bigint',
  string: 'text',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

function oneOf(values: readonly unknown[]): string {
  const words = values.map(String);
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : `${words[0]}`;
}

/** What was given, in a few words. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string')
    return `'${value.length > mostShown ? `${value.slice(0, mostShown)}…` : value}'`;
  return typeof value === 'object' && value !== null ? 'an object' : `${String(value)}`;
}

const mostShown = 40;

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
