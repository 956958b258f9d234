// The check of the house's order sees each fault that it is for: each is made by hand in a small tree of its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../../scripts/check-structure.mjs', import.meta.url));

/** A tree in order, which these files are added to. */
const sound = {
  'src/model/gguf.ts': "import { size } from '../files/read.js';\nexport interface Model { bytes: number }\n",
  'src/files/read.ts': 'export const size = 1;\n',
  'src/index.ts': "export type { Model } from './model/gguf.js';\n",
  'native/system/fd.h': '#pragma once\n',
  'native/source/relay.h': '#include "system/fd.h"\n',
};

function check(files: Record<string, string>): { status: number | null; stderr: string } {
  const root = mkdtempSync(join(tmpdir(), 'blkscope-structure-'));
  try {
    for (const [name, text] of Object.entries({ ...sound, ...files })) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    const { status, stderr } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
    return { status, stderr };
  } finally {
    rmSync(root, { recursive: true });
  }
}

const faults: [string, Record<string, string>, RegExp][] = [
  [
    'a circle of TypeScript files',
    {
      'src/model/a.ts': "import './b.js';\n",
      'src/model/b.ts': "import type { A } from './c.js';\n",
      'src/model/c.ts': "export * from './a.js';\n",
    },
    /a circle: model\/a\.ts -> model\/b\.ts -> model\/c\.ts -> model\/a\.ts/,
  ],
  [
    'a circle of native files',
    {
      'native/source/a.h': '#include "source/b.h"\n',
      'native/source/b.h': '#include "source/a.h"\n',
    },
    /a circle: source\/a\.h -> source\/b\.h -> source\/a\.h/,
  ],
  [
    'a folder of src that uses one behind it',
    { 'src/files/late.ts': "const { m } = await import('../model/gguf.js');\n" },
    /against the direction of folders: files\/late\.ts uses model\/gguf\.ts/,
  ],
  [
    'a folder of native that uses one behind it',
    { 'native/system/late.cc': '#include "source/relay.h"\n' },
    /against the direction of folders: system\/late\.cc uses source\/relay\.h/,
  ],
  ['a folder without a place', { 'src/utils/x.ts': '' }, /utils\/x\.ts: its folder has no place/],
  [
    'two exported types of one name',
    { 'src/store/model.ts': 'export type Model = string;\n' },
    /two exported types of one name, Model: (model\/gguf\.ts, store\/model\.ts|store\/model\.ts, model\/gguf\.ts)$/m,
  ],
  [
    'a file that is made outside src/files',
    { 'src/model/w.ts': "import { writeFileSync } from 'node:fs';\n" },
    /only src\/files may use writeFileSync of node:fs: model\/w\.ts/,
  ],
];

test('a tree in order has no fault, and a type may be passed on', () => {
  assert.deepEqual(check({}), { status: 0, stderr: '' });
  assert.equal(
    check({ 'src/store/model.ts': 'type Model = string;\nexport const m: Model = "";\n' }).status,
    0,
  );
});

for (const [name, files, told] of faults) {
  test(`${name} is told`, () => {
    const { status, stderr } = check(files);
    assert.equal(status, 1, stderr);
    assert.match(stderr, told);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
}
