import { resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import type { WorkloadOptions } from './engine.js';

/**
 * Absolute path of the model, which no engine of llama.cpp's can do without. Whether the file is there is
 * seen when it starts.
 */
export function requireModel({ model }: WorkloadOptions): string {
  if (model === undefined)
    throw new BlkscopeError('NO_MODEL', 'no model given; name a GGUF file with --model');
  return resolve(model);
}
