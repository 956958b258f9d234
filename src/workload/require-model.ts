import { BlkscopeError } from '../errors.js';
import type { WorkloadOptions } from './engine.js';

/** The model that an engine of llama.cpp's cannot do without. Whether the file is there is seen when it starts. */
export function requireModel({ model }: WorkloadOptions): string {
  if (model === undefined)
    throw new BlkscopeError('NO_MODEL', 'no model given; name a GGUF file with --model');
  return model;
}
