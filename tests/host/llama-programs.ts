import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where llama.cpp's programs are: those of scripts/get-llama.mjs, or with `npm run engines` the newest that can be had. */
export const llamaFolder =
  process.env.BLKSCOPE_TEST_LLAMA ?? fileURLToPath(new URL('../../vendor/llama/bin', import.meta.url));

/** Path of one of them. */
export const llamaProgram = (name: string): string => join(llamaFolder, name);
