#!/usr/bin/env node
// Makes what HTML pages hold: the script of src/page/client/ with all that it imports as one file, and the style. Part of `npm run build:ts`.
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${root}dist/page`;
mkdirSync(target, { recursive: true });
await build({
  entryPoints: [`${root}src/page/client/main.ts`],
  outfile: `${target}/client.js`,
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  charset: 'ascii',
  legalComments: 'inline',
  logLevel: 'warning',
});
copyFileSync(`${root}src/page/client/page.css`, `${target}/page.css`);
