import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readModel, synthesizeModel } from '../../../src/index.js';
import { expertKey } from '../../../src/model/expert-uses.js';
import { automaticPinBytes, checkPinFits } from '../../../src/pin/automatic-size.js';
import { planPins } from '../../../src/pin/pin-plan.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-pin-'));
after(() => rmSync(folder, { recursive: true }));

const MiB = 2 ** 20;

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
  const planned = planPins(model, denseBytes + 10, hot);
  assert.equal(planned.bytes, denseBytes + 10, 'the budget is used to the byte');
  const expert = planned.tensors.filter(({ name }) => isExpert(name));
  assert.deepEqual(
    expert.map(({ name, heldBytes }) => [name.startsWith('blk.2.'), heldBytes]),
    [[true, 10]],
  );
});

test('a dense model is held from its first weights on, never its metadata', async () => {
  const path = join(folder, 'dense.gguf');
  await synthesizeModel(path, { preset: 'tiny-llama' });
  const model = await readModel(path);
  const plan = planPins(model, MiB);
  const ranges = plan.parts[0]?.ranges ?? [];
  assert.equal(
    ranges.reduce((sum, { bytes }) => sum + bytes, 0),
    MiB,
  );
  assert.ok(ranges.every(({ offset }) => offset >= (model.parts[0]?.metadataBytes ?? 0)));
  assert.equal(plan.savedBytes, MiB, 'every byte held is one that each token needs');
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
  checkPinFits(900 * MiB, 1000 * MiB);
  assert.throws(() => checkPinFits(990 * MiB, 1000 * MiB), { code: 'NO_HEADROOM' });
});
