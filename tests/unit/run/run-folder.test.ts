import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { defaultRunPath, RunFolder } from '../../../src/run/run-folder.js';

let parent: string;
before(() => {
  parent = mkdtempSync(join(tmpdir(), 'blkscope-run-folder-'));
});
after(() => rmSync(parent, { recursive: true }));

test('a run folder appears whole, under its own name only', () => {
  const target = join(parent, 'deep', 'run');
  const folder = RunFolder.begin(target);
  folder.writeJson('summary.json', { reads: 5n, list: [1] });
  const [hidden, ...others] = readdirSync(join(parent, 'deep'));
  assert.match(hidden ?? '', /^\.run\.[0-9a-f]{16}\.partial$/);
  assert.deepEqual(others, []);
  assert.equal(folder.publish(), target);
  assert.deepEqual(readdirSync(join(parent, 'deep')), ['run']);
  assert.deepEqual(JSON.parse(readFileSync(join(target, 'summary.json'), 'utf8')), { reads: 5, list: [1] });
  folder.discard();
  assert.deepEqual(readdirSync(target), ['summary.json']);
});

test('a discarded run leaves nothing', () => {
  const folder = RunFolder.begin(join(parent, 'given-up'));
  folder.writeJson('config.json', {});
  folder.discard();
  assert.ok(!readdirSync(parent).some((name) => name.includes('given-up')));
});

test('an existing target is refused, at the start and at the end', () => {
  const target = join(parent, 'taken');
  const folder = RunFolder.begin(target);
  mkdirSync(target);
  assert.throws(() => RunFolder.begin(target), {
    name: 'BlkscopeError',
    code: 'EEXIST',
    message: /exists already/,
  });
  assert.throws(() => folder.publish(), { name: 'BlkscopeError', code: 'EEXIST' });
  assert.deepEqual(readdirSync(target), []);
  folder.discard();
});

test('a parent that cannot hold a folder is named', () => {
  assert.throws(() => RunFolder.begin('/dev/null/run'), {
    name: 'BlkscopeError',
    message: /cannot write \/dev\/null/,
  });
});

test('the default name is the time and the model, and never one that is taken', () => {
  const now = new Date('2026-07-08T12:03:11.500Z');
  const path = defaultRunPath('/models/llama 2 7b.Q4_K_M.gguf', now, parent);
  assert.equal(path, join(parent, '20260708-120311-llama_2_7b.Q4_K_M'));
  mkdirSync(path);
  assert.equal(defaultRunPath('/models/llama 2 7b.Q4_K_M.gguf', now, parent), `${path}.2`);
});
