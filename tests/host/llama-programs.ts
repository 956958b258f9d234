import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where llama.cpp's programs are: those of scripts/get-llama.mjs, or with `npm run engines` the newest that can be had. */
export const llamaFolder =
  process.env.BLKSCOPE_TEST_LLAMA ?? fileURLToPath(new URL('../../vendor/llama/bin', import.meta.url));

/** Path of one of them. */
export const llamaProgram = (name: string): string => join(llamaFolder, name);

const { BLKSCOPE_NEWEST_EMBEDDED: newest, NODE_OPTIONS: options } = process.env;

/** What makes the embedded engine's process take the node-llama-cpp that `npm run engines` has fetched; else nothing. */
export const embeddedEnvironment: Record<string, string> =
  newest === undefined ? {} : { BLKSCOPE_NEWEST_EMBEDDED: newest, NODE_OPTIONS: options ?? '' };
