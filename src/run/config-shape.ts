import { shapeOf } from '../options/zod-shape.js';
import { configSchema } from './config-schema.js';

/** Of config.json. */
export const configShape = shapeOf(configSchema);
