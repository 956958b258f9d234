import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeWeights } from '../../../src/workload/weights.js';

const MiB = 2 ** 20;

test('figures that llama.cpp gave for one Q4_0 model of 332 MiB', () => {
  const judge = (anonBytes: number, mappedBytes: number) =>
    judgeWeights({ modelBytes: 332 * MiB, mappedBytes: mappedBytes * MiB, anonBytes: anonBytes * MiB });
  assert.equal(judge(37, 332), 'mapped', '--no-repack');
  assert.equal(judge(368, 332), 'copied', 'repacked: the file is mapped as well');
  assert.equal(judge(369, 0), 'copied', '--no-mmap');
  assert.equal(judge(3, 0), null, 'a program that reads the file piece by piece');
});

test('nothing is said of no model, of a small one, and of a process that was never seen', () => {
  assert.equal(judgeWeights({ modelBytes: null, mappedBytes: 0, anonBytes: 1 }), null);
  assert.equal(judgeWeights({ modelBytes: 63 * MiB, mappedBytes: 63 * MiB, anonBytes: MiB }), null);
  assert.equal(judgeWeights({ modelBytes: 100 * MiB, mappedBytes: 0, anonBytes: null }), null);
});
