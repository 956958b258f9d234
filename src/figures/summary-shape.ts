import { shapeOf } from '../options/zod-shape.js';
import { summarySchema } from './summary-schema.js';

/** Of summary.json. */
export const summaryShape = shapeOf(summarySchema);
