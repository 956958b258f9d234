import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { argumentFiles } from '../../src/run/argument-files.js';
import { largeFileBytes } from '../../src/workload/opened-files.js';

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
