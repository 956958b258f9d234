import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { diagnose } from '../../../src/doctor/diagnose.js';
import { reclaimConfig, unmodelled } from '../../../src/machine/reclaim.js';

/** What the kernel has in its files; the paths are those of Linux 6.18. */
function told(files: Record<string, string>) {
  const sys = mkdtempSync(join(tmpdir(), 'blkscope-sys-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(sys, path)), { recursive: true });
    writeFileSync(join(sys, path), `${text}\n`);
  }
  const config = reclaimConfig(sys);
  rmSync(sys, { recursive: true });
  return config;
}

const context = 'kernel/mm/damon/admin/kdamonds/0/contexts/0';
const scheme = `${context}/schemes/0`;
const damon = {
  'kernel/mm/damon/admin/kdamonds/nr_kdamonds': '1',
  'kernel/mm/damon/admin/kdamonds/0/state': 'on',
  [`${context}/monitoring_attrs/intervals/aggr_us`]: '5000000',
  [`${scheme}/action`]: 'pageout',
  [`${scheme}/access_pattern/age/min`]: '12',
};

test('who evicts before memory is short is told, with how long a page must have been unused', () => {
  assert.deepEqual(told({}), { generations: null, ahead: [] });
  assert.deepEqual(told(damon).ahead, ['DAMON evicts what nobody used for 60 s']);
  const filters = { [`${scheme}/ops_filters/1/type`]: 'unmapped', [`${scheme}/ops_filters/1/allow`]: 'Y' };
  assert.deepEqual(told({ ...damon, ...filters }).ahead, [
    'DAMON evicts unmapped pages nobody used for 60 s',
  ]);
  assert.deepEqual(told({ ...damon, 'kernel/mm/damon/admin/kdamonds/0/state': 'off' }).ahead, []);
  assert.deepEqual(told({ ...damon, [`${scheme}/action`]: 'stat' }).ahead, []);
  const module = 'module/damon_reclaim/parameters';
  assert.deepEqual(told({ [`${module}/enabled`]: 'Y', [`${module}/min_age`]: '120000000' }).ahead, [
    'DAMON evicts what nobody used for 120 s',
  ]);
  assert.deepEqual(told({ [`${module}/enabled`]: 'N', [`${module}/min_age`]: '120000000' }).ahead, []);
});

test('what is predicted for two lists is called a guess where the kernel has generations', () => {
  for (const [enabled, generations] of [
    ['0x0007', true],
    ['0x0001', true],
    ['0x0000', false],
    ['0x0006', false],
  ] as const) {
    const config = told({ 'kernel/mm/lru_gen/enabled': enabled });
    assert.equal(config.generations, generations);
    assert.equal(unmodelled(config)?.includes('MGLRU') ?? false, generations);
  }
  assert.equal(unmodelled(undefined), null);
});

test('doctor tells how this machine evicts', async () => {
  const { generations, ahead } = reclaimConfig();
  const findings = (await diagnose('.')).filter(({ name }) => name === 'eviction');
  assert.equal(findings.length, Math.max(1, ahead.length + Number(generations === true)));
  assert.ok(ahead.every((line) => findings.some(({ detail }) => detail.startsWith(line))));
});
