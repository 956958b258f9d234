import { checked } from '../options/checked.js';
import type * as Schemas from './schemas.js';

/** A caller's options as the schema of that name makes them. Throws BlkscopeError BAD_ARGUMENT. */
export async function asked<T>(schema: keyof typeof Schemas, options: unknown, call: string): Promise<T> {
  const schemas = await import('./schemas.js');
  return checked<T>(schemas[schema], options, call);
}
