import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  causes,
  defectLine,
  lossProblem,
  remarks,
  toldDefect,
  toldRemark,
} from '../../../src/figures/defects.js';

/** The causes that the core tells: each code with the names of its values. */
function toldByCore(): { code: string; names: string[] }[] {
  const paths = readdirSync('native', { recursive: true, encoding: 'utf8' });
  const sources = paths
    .filter((path) => path.endsWith('.cc'))
    .map((path) => readFileSync(join('native', path), 'utf8'));
  return sources.flatMap((source) =>
    [...source.matchAll(/\{"([A-Z_]+)",\s*(\{\{"[^;]*);/g)].map(([, code, values]) => ({
      code: code as string,
      names: [...(values as string).matchAll(/\{"(\w+)",/g)].map(([, name]) => name as string),
    })),
  );
}

test('every cause that the core tells has its line, and every hole of the line its value', () => {
  const told = toldByCore();
  assert.ok(told.length >= 10, `only ${told.length} causes found in native/`);
  for (const { code, names } of told) {
    assert.ok(causes[code] ?? remarks[code], `${code} has no line in src/figures/defects.ts`);
    const values = Object.fromEntries(names.map((name) => [name, 2000]));
    const line = defectLine(remarks[code] ? toldRemark({ code, values }) : toldDefect({ code, values }));
    assert.ok(!/[{}]/.test(line), `${code}: ${line}`);
  }
});

test('a cause is told with its numbers and what mends it', () => {
  const values = { events: 1, buffers: 4, kib: 512, moreBuffers: 16 };
  assert.equal(
    defectLine(toldDefect({ code: 'KERNEL_DROPPED', values })),
    'the kernel dropped 1 event because its buffers were full (4 of 512 KiB per CPU); use four times as many: --buffer-count 16',
  );
  const many = toldDefect({ code: 'SPOOL_FULL', values: { events: 12345 } });
  assert.match(many.message, /dropped 12,345 events$/);
  assert.match(toldDefect({ code: 'OF_LATER', values: {} }).message, /OF_LATER/);
});

test('only lost events make counts lower bounds, and the exit code that of an incomplete trace', () => {
  const lost = toldDefect({ code: 'SEQUENCE_GAPS', values: { events: 3 } });
  assert.equal(lossProblem([lost])?.exitCode, 6);
  assert.equal(lossProblem([{ ...lost, lowerBounds: false }]), null);
  assert.equal(lossProblem([]), null);
});
