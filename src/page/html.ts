import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { escaped } from '../plot/svg.js';
import { plotStyle } from '../plot/theme.js';
import { pack } from './codec.js';
import type { PageContent } from './page-content.js';

export interface PageParts {
  title: string;
  /** HTML that stands without a script: the verdict, the figures as numbers. */
  head: string;
  foot: string;
  content: PageContent;
}

/** One file that needs nothing else: styles, script and data are in it, and its policy lets it load nothing. */
export function htmlPage({ title, head, foot, content }: PageParts): string {
  const script = asset('client.js');
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  const { json, bytes } = pack(content);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title>
<style>${asset('page.css')}${plotStyle}</style>
</head>
<body>
<header>${head}</header>
<main id="figures"><noscript>The figures need JavaScript; the numbers do not.</noscript></main>
<footer>${foot}</footer>
<template id="json">${deflated(Buffer.from(json))}</template>
<template id="bytes">${deflated(bytes)}</template>
<script>${script}</script>
</body>
</html>
`;
}

function deflated(bytes: Uint8Array): string {
  return deflateRawSync(bytes, { level: 6 }).toString('base64');
}

/** Made by scripts/build-page.mjs; beside the compiled sources. */
function asset(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../dist/page/${name}`, import.meta.url)), 'utf8');
}
