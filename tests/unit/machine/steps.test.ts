import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Steps } from '../../../src/machine/steps.js';

function listener() {
  const lines: string[] = [];
  return {
    lines,
    progress: {
      step: (name: string) => lines.push(name),
      update: () => {},
      warn: (text: string) => lines.push(`warn ${text}`),
    },
  };
}

test('steps are logged in order, with their times, and undone in reverse', async () => {
  const { lines, progress } = listener();
  const steps = new Steps(progress);
  assert.equal(await steps.step('lock', () => 42), 42);
  steps.onUndo('unlock', () => {});
  await steps.step('trace', () => new Promise((resolve) => setTimeout(resolve, 20)));
  steps.onUndo('stop tracing', () => {});
  await steps.undo();
  await steps.undo();
  assert.deepEqual(lines, ['lock', 'trace', 'stop tracing', 'unlock']);
  assert.deepEqual(
    steps.records.map(({ name }) => name),
    lines,
  );
  const trace = steps.records[1];
  assert.ok(trace && trace.tookNs >= 15e6 && trace.tookNs < 5e9);
  assert.ok((steps.records[2]?.atNs ?? 0) >= trace.atNs + trace.tookNs);
});

test('a step that fails is undone up to there, and its error passes', async () => {
  const { lines, progress } = listener();
  const failing = async () => {
    await using steps = new Steps(progress);
    await steps.step('lock', () => {});
    steps.onUndo('unlock', () => {});
    await steps.step('trace', () => {
      throw new Error('no tracefs');
    });
    steps.onUndo('never', () => {});
  };
  await assert.rejects(failing(), /no tracefs/);
  assert.deepEqual(lines, ['lock', 'trace', 'unlock']);
});

test('an undo that fails does not keep the others from running', async () => {
  const { lines, progress } = listener();
  const steps = new Steps(progress);
  for (const name of ['a', 'b', 'c']) {
    await steps.step(name, () => {});
    steps.onUndo(`undo ${name}`, () => {
      if (name === 'b') throw new Error('busy');
    });
  }
  await steps.undo();
  assert.deepEqual(lines.slice(3), ['undo c', 'undo b', 'warn undo b: busy', 'undo a']);
  assert.equal(steps.records.find(({ name }) => name === 'undo b')?.error, 'busy');
});

test('an abort prevents further steps, but not the way back', async () => {
  const abort = new AbortController();
  const steps = new Steps(undefined, abort.signal);
  abort.abort(new Error('SIGINT'));
  await assert.rejects(
    steps.step('lock', () => {}),
    /SIGINT/,
  );
  assert.equal(await steps.closingStep('write', () => 'kept'), 'kept');
});
