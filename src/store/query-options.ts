import * as z from 'zod';
import { checked } from '../options/checked.js';
import { duration, flag } from '../options/fields.js';

/** What queries may do. */
export interface QueryOptions {
  /** Lets queries write and load what they like: COPY TO, ATTACH, INSTALL. Default false. */
  unsafe?: boolean;
  /** Ends a query that takes longer. Default 10 minutes. */
  timeLimitMs?: number;
}

const shape: Record<keyof QueryOptions, z.ZodType> = {
  unsafe: flag.optional(),
  timeLimitMs: duration.optional(),
};

const schema = z.strictObject(shape);

/** Throws BlkscopeError BAD_ARGUMENT. */
export const queryOptions = (options: QueryOptions): QueryOptions => checked(schema, options, 'openRuns');
