import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freeFolder } from '../../../src/advise/verify.js';

test('a second try, or one after a try that failed halfway, takes folders of its own', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-verify-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const run = join(folder, 'one');
  assert.equal(freeFolder(run), `${run}-advice-1`);
  mkdirSync(`${run}-advice-1`);
  assert.equal(freeFolder(run), `${run}-advice-2`);
});
