import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { modelAsSeen } from '../../../src/heat/seen-model.js';
import { readModel, synthesizeModel } from '../../../src/index.js';
import { expertKey } from '../../../src/model/expert-uses.js';
import { touchedBytes } from '../../../src/model/uses.js';
import { native } from '../../../src/native/binding.js';
import { automaticPinBytes, checkPinFits } from '../../../src/pin/automatic-size.js';
import { planPins } from '../../../src/pin/pin-plan.js';
import type { PinPlan } from '../../../src/pin/plan.js';
import type { Run } from '../../../src/store/open-run.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-pin-'));
after(() => rmSync(folder, { recursive: true }));

const MiB = 2 ** 20;

/** Pages that hold any byte of a plan. */
function heldPages({ parts }: PinPlan): number {
  const pageBytes = native.pageBytes();
  const pages = parts.flatMap(({ ranges }, part) =>
    ranges.flatMap(({ offset, bytes }) => {
      const first = Math.floor(offset / pageBytes);
      const count = Math.ceil((offset + bytes) / pageBytes) - first;
      return Array.from({ length: count }, (_, i) => `${part}.${first + i}`);
    }),
  );
  return new Set(pages).size;
}

test('a budget of any size is kept in whole pages, and one that holds all holds all', async () => {
  const path = join(folder, 'budgets.gguf');
  await synthesizeModel(path, { preset: 'tiny-gpt-oss' });
  const model = await readModel(path);
  const pageBytes = native.pageBytes();
  for (const budget of [1, pageBytes, 3 * pageBytes + 5, 100_001, 3 * MiB + 17, 12 * MiB, model.bytes]) {
    const held = heldPages(planPins(model, budget)) * pageBytes;
    assert.ok(held <= budget, `${held} of ${budget}`);
  }
  const whole = planPins(model, model.bytes + MiB);
  assert.equal(
    whole.bytes,
    model.tensors.reduce((sum, { bytes }) => sum + bytes, 0),
  );
});

test('a mixture of experts: all that every token needs comes first, then the experts read most', async () => {
  const path = join(folder, 'moe.gguf');
  await synthesizeModel(path, { preset: 'tiny-gpt-oss' });
  const model = await readModel(path);
  const isExpert = (name: string) => name.includes('_exps.');
  const everyToken = planPins(model, 1).touchedBytes;
  const whole = planPins(model, model.bytes);
  const firstExpert = whole.tensors.findIndex(({ name }) => isExpert(name));
  const dense = whole.tensors.slice(0, firstExpert);
  assert.ok(dense.length > 0 && dense.every(({ name }) => !isExpert(name) && name !== 'token_embd.weight'));
  assert.equal(whole.tensors.at(-1)?.name, 'token_embd.weight', 'a lookup of one row a token pays least');
  assert.ok(Math.abs(whole.savedBytes - everyToken) < 1, 'all held, all saved');

  const denseBytes = dense.reduce((sum, { bytes }) => sum + bytes, 0);
  const hot = new Map([[expertKey(2, 1), 1000]]);
  const pageBytes = native.pageBytes();
  const roomForMore = denseBytes + 200 * pageBytes;
  const planned = planPins(model, roomForMore, hot);
  assert.ok(heldPages(planned) * pageBytes <= roomForMore, 'whole pages, and no more than the budget');
  assert.ok(heldPages(planned) * pageBytes > roomForMore - 2 * pageBytes, 'all of which is used');
  const [expert] = planned.tensors.filter(({ name }) => isExpert(name));
  assert.ok(expert?.name.startsWith('blk.2.'), 'the one that was read most');
});

test('what tokens were seen to use counts more than names: what none used is not held, what all used comes first', async () => {
  const path = join(folder, 'seen.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama' });
  const model = await readModel(path);
  const [unused] = model.tensors.filter(({ name }) => name === 'blk.0.ffn_up.weight');
  const [table] = model.tensors.filter(({ name }) => name === 'token_embd.weight');
  assert.ok(unused && table);
  const differences = [
    { tensor: unused.name, use: 'whole', bytes: unused.bytes, usedBytesPerToken: 0 },
    { tensor: table.name, use: 'rows', bytes: table.bytes, usedBytesPerToken: table.bytes },
  ];
  const run = { path: 'run', summary: { model: { bytes: model.bytes }, touches: { differences } } };
  const seen = modelAsSeen(model, run as unknown as Run);
  const names = planPins(seen, model.bytes).tensors.map(({ name }) => name);
  assert.ok(!names.includes(unused.name));
  assert.equal(planPins(model, model.bytes).tensors.at(-1)?.name, table.name);
  assert.notEqual(names.at(-1), table.name);
  const [before, after] = [model, seen].map((each) => touchedBytes(each).least) as [number, number];
  assert.ok(
    after > before - unused.bytes + table.bytes * 0.9 && after <= before - unused.bytes + table.bytes,
  );
  assert.equal(
    modelAsSeen(model, { ...run, summary: { ...run.summary, touches: null } } as unknown as Run),
    model,
  );
});

test('a dense model is held from its first weights on, never its metadata', async () => {
  const path = join(folder, 'dense.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama' });
  const model = await readModel(path);
  const plan = planPins(model, MiB);
  const ranges = plan.parts[0]?.ranges ?? [];
  const held = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(held <= MiB && held > MiB - 2 * native.pageBytes(), `${held}`);
  assert.ok(ranges.every(({ offset }) => offset >= (model.parts[0]?.metadataBytes ?? 0)));
  assert.equal(plan.savedBytes, held, 'every byte held is one that each token needs');
});

test('the automatic size leaves the workload and readahead their memory, and says when nothing is left', () => {
  const input = { memoryBytes: 1000 * MiB, rssAnonBytes: 100 * MiB, readAheadKib: 128, threads: 2 };
  const size = automaticPinBytes({ ...input, modelBytes: 2000 * MiB });
  assert.ok(size < 900 * MiB && size > 800 * MiB, `${size}`);
  const large = automaticPinBytes({ ...input, readAheadKib: 8192, modelBytes: 2000 * MiB });
  assert.ok(size - large > 60 * MiB, 'larger windows need more room');
  assert.equal(automaticPinBytes({ ...input, modelBytes: MiB }), MiB, 'never more than the model');
  assert.throws(() => automaticPinBytes({ ...input, rssAnonBytes: 990 * MiB, modelBytes: MiB }), {
    code: 'NO_ROOM_TO_PIN',
  });
});

test('a pin that fills the limit is refused', () => {
  checkPinFits(900 * MiB, 1000 * MiB, false);
  for (const limit of [300 * MiB, 5000 * MiB, 100_000 * MiB]) {
    const asked = {
      memoryBytes: limit,
      rssAnonBytes: 0,
      readAheadKib: 32,
      threads: 1,
      modelBytes: 2 * limit,
    };
    checkPinFits(automaticPinBytes(asked), limit, false);
    const window = 18 * MiB;
    checkPinFits(automaticPinBytes({ ...asked, streamWindowBytes: window }) + window, limit, true);
  }
  assert.throws(() => checkPinFits(990 * MiB, 1000 * MiB, false), { code: 'NO_HEADROOM' });
});
