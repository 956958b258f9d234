import type * as z from 'zod';
import { type Summary, summarySchema as schema } from '../figures/summary-schema.js';

/**
 * The schema of a run's summary.json, with which `openRun` checks it: for programs that read the file themselves.
 *
 * @example
 * const summary = summarySchema.parse(JSON.parse(text));
 */
export const summarySchema: z.ZodType<Summary> = new Proxy({} as z.ZodType<Summary>, {
  // It is made when something of it is first asked for: few programs do.
  get: (_, key) => Reflect.get(schema, key),
  has: (_, key) => Reflect.has(schema, key),
  ownKeys: () => Reflect.ownKeys(schema),
  getOwnPropertyDescriptor: (_, key) => {
    const property = Reflect.getOwnPropertyDescriptor(schema, key);
    return property && { ...property, configurable: true };
  },
});
