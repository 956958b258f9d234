import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readModel } from '../../../src/model/gguf.js';
import { notByItself } from '../../../src/workload/main-model.js';
import { layer, modelFile, type TestFile, writeGguf } from '../model/gguf-file.js';
import { writeSafetensors } from '../model/safetensors-file.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-main-'));
after(() => rmSync(folder, { recursive: true }));

let made = 0;
const told = async (file: TestFile) =>
  notByItself(await readModel(writeGguf(join(folder, `${made++}.gguf`), file)));
const weights = layer('blk.0', 'attn_q');

test('what llama.cpp loads beside a model, or not at all, is told with the way to use it', async () => {
  const keys = (type: string) => ({ 'general.architecture': 'llama', 'general.type': type });
  assert.equal(await told(modelFile('llama', {}, weights)), null);
  assert.equal(await told({ keys: keys('model'), tensors: weights }), null);
  assert.match(
    (await told(modelFile('clip', {}, layer('v.blk.0', 'attn_q')))) ?? '',
    /a projector .* record -- CMD/,
  );
  assert.match(
    (await told({ keys: keys('mmproj'), tensors: weights })) ?? '',
    /a projector .* record -- CMD/,
  );
  const lora = [{ name: 'blk.0.attn_q.weight.lora_a', shape: [64, 8] }];
  assert.match((await told({ keys: keys('adapter'), tensors: lora })) ?? '', /-- --lora/);
  const path = writeSafetensors(join(folder, 'x.safetensors'), [{ name: 'lm_head.weight', shape: [4, 4] }]);
  assert.match(notByItself(await readModel(path)) ?? '', /llama\.cpp does not load/);
});
