import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { argumentFiles } from '../../../src/experiment/argument-files.js';
import { largeFileBytes } from '../../../src/process/opened-files.js';
import { layer, writeGguf } from '../model/gguf-file.js';

test('the large files that a command names, all parts of a split one, each once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-arguments-'));
  try {
    const file = (name: string, bytes: number) => {
      const path = join(folder, name);
      writeFileSync(path, '');
      truncateSync(path, bytes); // sparse
      return path;
    };
    const model = file('model.gguf', largeFileBytes);
    const parts = [1, 2].map((part) => file(`split-0000${part}-of-00002.gguf`, largeFileBytes));
    const small = file('prompt.txt', largeFileBytes - 1);
    const found = await argumentFiles([
      model,
      '-m',
      parts[1] as string,
      small,
      `--draft=${model}`,
      model,
      folder,
    ]);
    assert.deepEqual(found, [...parts, model]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('smaller files of data beside a large one, but no programs and scripts, and none on their own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-arguments-'));
  try {
    const file = (name: string, bytes: number, start = '') => {
      const path = join(folder, name);
      writeFileSync(path, start);
      truncateSync(path, bytes); // sparse
      return path;
    };
    const large = file('large.bin', largeFileBytes);
    const data = file('index.bin', 2 ** 20);
    const settings = file('settings.json', 2 ** 20 - 1);
    const script = file('script', 2 ** 20, '#!/bin/sh');
    const program = file('program', 2 ** 20, '\x7fELF');
    const argv = ['sh', script, program, settings, data];
    assert.deepEqual(await argumentFiles(argv), []);
    assert.deepEqual(await argumentFiles([...argv, large]), [data, large]);
    const model = file('model.gguf', largeFileBytes);
    assert.deepEqual(await argumentFiles([...argv, model]), [model]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('models of any size and name count, and lists of adapters', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blkscope-adapters-'));
  const adapters = ['a', 'b', 'sha256-0123'].map((name) =>
    writeGguf(join(folder, name), { keys: { 'general.type': 'adapter' }, tensors: layer('blk.0', 'attn_q') }),
  );
  const [a, b, blob] = adapters as [string, string, string];
  assert.deepEqual(
    await argumentFiles(['llama', '--lora-scaled', `${a}:0.5,${b}:1`, `--model=${blob}`]),
    adapters,
  );
  rmSync(folder, { recursive: true });
});
