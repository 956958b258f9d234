import type * as z from 'zod';
import { type Summary, summarySchema as schema } from '../figures/summary-schema.js';

/**
 * The schema of a run's summary.json, with which `openRun` checks it: for programs that read the file themselves.
 *
 * @example
 * const summary = summarySchema.parse(JSON.parse(text));
 */
export const summarySchema: z.ZodType<Summary> = schema;
