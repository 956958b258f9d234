#!/usr/bin/env -S npx tsx
// The reference of the API from the docstrings: docs/api for readers of the repository, build/api as HTML.
//   npm run docs:api
// TypeDoc is of a workspace of its own, since it needs an older compiler than the project has.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('api-docs', import.meta.url));

/** Writes it, or the Markdown alone to another place. Returns what TypeDoc has to complain of. */
export function makeApiDocs(markdown?: string): string[] {
  if (markdown === undefined) return typedoc(join(folder, 'typedoc.json'));
  const scratch = mkdtempSync(join(tmpdir(), 'blkscope-typedoc-'));
  try {
    const config = join(scratch, 'typedoc.json');
    const outputs = [{ name: 'markdown', path: markdown }];
    writeFileSync(config, JSON.stringify({ extends: join(folder, 'typedoc.json'), outputs }));
    return typedoc(config);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function typedoc(config: string): string[] {
  const program = join(folder, 'node_modules/typedoc/bin/typedoc');
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [program, '--options', config], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  if (error) throw error;
  const complaints = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => !line.startsWith('[info]') && line !== '');
  return status === 0 ? complaints : [`TypeDoc failed with exit code ${status}`, ...complaints];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const complaints = makeApiDocs();
  for (const line of complaints) console.error(line);
  process.exitCode = complaints.length > 0 ? 1 : 0;
}
