// One table has every code that blkscope's own errors have, and no other.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { errorCodes } from '../../src/error-codes.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const texts = (folder: string, ending: RegExp) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name) && name !== 'error-codes.ts')
    .map((name) => readFileSync(join(root, folder, name), 'utf8'))
    .join('\n');

const typescript = texts('src', /\.ts$/);
const native = texts('native', /\.(cc|h)$/);
const isOurs = (code: string) => !/^E[A-Z0-9]+$/.test(code);

test('every code that is thrown is in the table', () => {
  const thrown = [
    ...typescript.matchAll(/new BlkscopeError\(\s*'([A-Z_0-9]+)'/g),
    ...native.matchAll(/(?:Error|throwError\(env, |error = |return )\s*\{"([A-Z_]+)"/g),
  ].map(([, code]) => `${code}`);
  assert.ok(thrown.length > 100);
  assert.deepEqual(
    [...new Set(thrown)].filter((code) => isOurs(code) && !(code in errorCodes)),
    [],
  );
});

test('every code of the table is thrown somewhere', () => {
  const named = (code: string) => typescript.includes(`'${code}'`) || native.includes(`"${code}"`);
  const made = new Set(['NO_DEBUGFS', 'NO_TRACEFS']); // from the name of a file system
  assert.deepEqual(
    Object.keys(errorCodes).filter((code) => !named(code) && !made.has(code)),
    [],
  );
});
