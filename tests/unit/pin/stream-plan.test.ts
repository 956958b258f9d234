import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Model, readModel, synthesizeModel } from '../../../src/index.js';
import { walkOrder } from '../../../src/model/walk-order.js';
import { native } from '../../../src/native/binding.js';
import { planStream, streamWindowBytes } from '../../../src/pin/stream-plan.js';

const MiB = 2 ** 20;
const pieceBytes = 2 * MiB;
const folder = mkdtempSync(join(tmpdir(), 'blkscope-stream-'));
let model: Model;

before(async () => {
  const path = join(folder, 'dense.gguf');
  await synthesizeModel(path, { preset: 'demo', bytes: 120 * MiB });
  model = await readModel(path);
});
after(() => rmSync(folder, { recursive: true }));

test('tokens walk the layers in order, then the output; the embedding table is looked up', () => {
  const names = walkOrder(model).map(({ name }) => name);
  assert.deepEqual(names.slice(0, 9), [
    'blk.0.attn_norm.weight',
    'blk.0.attn_q.weight',
    'blk.0.attn_k.weight',
    'blk.0.attn_v.weight',
    'blk.0.attn_output.weight',
    'blk.0.ffn_norm.weight',
    'blk.0.ffn_gate.weight',
    'blk.0.ffn_up.weight',
    'blk.0.ffn_down.weight',
  ]);
  assert.deepEqual(names.slice(-2), ['output_norm.weight', 'output.weight']);
  assert.ok(!names.includes('token_embd.weight'));
});

test('a file that holds its tensors in another order is walked in the same', () => {
  const names = walkOrder(model).map(({ name }) => name);
  const shuffled = { ...model, tensors: model.tensors.toSorted((a, b) => a.name.localeCompare(b.name)) };
  assert.deepEqual(
    walkOrder(shuffled).map(({ name }) => name),
    names,
  );
});

test('where the output shares the embedding table, that is walked last', () => {
  const tied = { ...model, tensors: model.tensors.filter(({ name }) => name !== 'output.weight') };
  assert.equal(walkOrder(tied).at(-1)?.name, 'token_embd.weight');
});

test('what is held and what is streamed add up to the walk, share no byte, and keep to the budget', () => {
  const walked = walkOrder(model).reduce((sum, { bytes }) => sum + bytes, 0);
  const budget = 50 * MiB;
  const { parts, stream, bytes } = planStream(model, budget);
  assert.ok(stream);
  const held = parts[0]?.ranges ?? [];
  assert.equal(
    held.reduce((sum, range) => sum + range.bytes, 0),
    bytes,
  );
  assert.ok(bytes <= budget && bytes > budget - 2 * pieceBytes, `${bytes}`);
  assert.equal(stream.bytes, stream.pieces.length * pieceBytes);
  assert.ok(Math.abs(bytes + stream.bytes - walked) < 2 * pieceBytes, 'all of it');
  for (const piece of stream.pieces) {
    assert.equal(piece.offset % pieceBytes, 0, 'a huge page');
    const shared = held.some(
      ({ offset, bytes: size }) => offset < piece.offset + pieceBytes && piece.offset < offset + size,
    );
    assert.ok(!shared, `piece at ${piece.offset} is held as well`);
  }
});

test('the whole pages that are held take no more than the budget, whatever it is', () => {
  const pageBytes = native.pageBytes();
  for (const budget of [pageBytes, 3 * MiB + 1, 10_000_001, 50 * MiB, 50 * MiB - 4095, 60_000_001]) {
    const { parts, stream } = planStream(model, budget);
    assert.ok(stream, `${budget}`);
    const pages = new Set<number>();
    for (const { offset, bytes } of parts[0]?.ranges ?? []) {
      for (let at = Math.floor(offset / pageBytes); at * pageBytes < offset + bytes; at++) pages.add(at);
    }
    assert.ok(pages.size * pageBytes <= budget, `${pages.size} pages for ${budget}`);
    assert.ok(pages.size * pageBytes > Math.min(budget, 40 * MiB) - pieceBytes, 'and little less');
  }
});

test('what is streamed is spread evenly over the walk', () => {
  const { stream } = planStream(model, 50 * MiB);
  const offsets = (stream?.pieces ?? []).map(({ offset }) => offset);
  assert.ok(offsets.length > 10);
  assert.deepEqual(
    offsets,
    offsets.toSorted((a, b) => a - b),
    'this file lies in the order of the walk',
  );
  const gaps = offsets.slice(1).map((offset, i) => offset - (offsets[i] as number));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  assert.ok(Math.max(...gaps) <= 3 * mean, gaps.join(' '));
});

test('what fits but for a window needs no stream; a mixture of experts cannot be streamed', async () => {
  assert.equal(planStream(model, model.bytes).stream, null);
  assert.equal(planStream(model, model.bytes - streamWindowBytes(model) - 20 * MiB).stream, null);
  const path = join(folder, 'mixture.gguf');
  await synthesizeModel(path, { preset: 'tiny-gpt-oss' });
  const mixture = await readModel(path);
  assert.throws(() => planStream(mixture, MiB), { code: 'NOT_A_WALK' });
});
