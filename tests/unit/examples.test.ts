// The examples that need no capture, as whole programs; the others are in tests/host/examples.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-examples-'));
after(() => rmSync(folder, { recursive: true }));

const example = (name: string, ...args: string[]) =>
  execFileSync(process.execPath, ['--import', 'tsx', join(root, 'examples', `${name}.ts`), ...args], {
    cwd: root,
    encoding: 'utf8',
  });

test('sector-set', () => {
  assert.equal(
    example('sector-set'),
    `SectorSet { size: 36n, 1000+12, 2000+16, 3000+8 }
in both SectorSet { size: 12n, 1008+4, 2000+8 }
new in the second 988n
share of a file 0.1875
true false
`,
  );
});

test('import-and-query', () => {
  const output = example(
    'import-and-query',
    join(root, 'tests/fixtures/blktrace/deadline.pipe.gz'),
    join(folder, 'run'),
  );
  assert.match(output, /^60 reads, 245760 bytes\n/);
  assert.match(output, /│ 2 {7}│ '\d+' /);
});
