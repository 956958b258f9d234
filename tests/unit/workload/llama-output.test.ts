import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExpectedOutput, LlamaOutput } from '../../../src/workload/llama-output.js';

/** What was read, in order: [stream, text]; the time is the position. Returns marks as "kind@time". */
function marksOf(expected: Partial<ExpectedOutput>, writes: ['stdout' | 'stderr', string][]): string[] {
  const marks: string[] = [];
  const output = new LlamaOutput(
    { style: 'text', prompt: 'hello', tokens: 3, echoesPrompt: false, ...expected },
    ({ kind, time, index }) => marks.push(`${kind}${index ?? ''}@${time}`),
  );
  for (const [position, [stream, text]] of writes.entries()) output[stream](text, BigInt(position));
  return marks;
}

test('text: each write is a token, up to those asked for', () => {
  const marks = marksOf({}, [
    ['stderr', '0.00.019.124 I llama_completion: llama backend init\n'],
    ['stderr', '0.00.050.839 I cmn          init: llama thread'],
    ['stderr', 'pool init, n_threads = 1\n'],
    ['stderr', '0.00.054.001 I system_info: n_threads = 1\n'],
    ['stdout', ' a'],
    ['stdout', '\n'],
    ['stdout', ' b'],
    ['stdout', '\n\n'],
  ]);
  assert.deepEqual(marks, ['loaded@2', 'promptDone@4', 'token0@4', 'token1@5', 'token2@6']);
});

test('text: the repeated prompt is no token, in one piece or two', () => {
  const echo = { echoesPrompt: true };
  const expected = ['loaded@2', 'promptDone@2', 'token0@2'];
  assert.deepEqual(
    marksOf(echo, [
      ['stdout', ' hel'],
      ['stdout', 'lo'],
      ['stdout', ' a'],
    ]),
    expected,
  );
  assert.deepEqual(
    marksOf(echo, [
      ['stderr', 'x\n'],
      ['stdout', ' hello'],
      ['stdout', ' a'],
    ]),
    expected,
  );
});

test('chat: what comes before the answer and after it is not the answer', () => {
  const marks = marksOf({ style: 'chat', tokens: 9 }, [
    ['stdout', '\n\nLoading model... \n\nbuild      : b11669\n\n\n> hel'],
    ['stderr', '0.00.114.152 I srv  llama_server: model loaded\n'],
    ['stdout', 'lo\n[Start thinking]\n a'],
    ['stdout', '\n'],
    ['stdout', ' b'],
    ['stdout', '\n'],
    ['stdout', '\n[ Prompt: 17.2 t/s | Generation: 5.4 t/s ]\n\n\nExiting...\n'],
  ]);
  assert.deepEqual(marks, ['loaded@1', 'promptDone@2', 'token0@2', 'token1@3', 'token2@4']);
});

test('bench: its progress tells what is done, its output is no text', () => {
  const marks = marksOf({ style: 'bench' }, [
    ['stderr', 'llama-bench: benchmark 1/2: starting\n'],
    ['stderr', 'llama-bench: benchmark 1/2: prompt run 1/1\n'],
    ['stdout', '[\n  {\n'],
    ['stderr', 'llama-bench: benchmark 2/2: starting\n'],
    ['stderr', 'llama-bench: benchmark 2/2: generation run 1/1\n'],
  ]);
  assert.deepEqual(marks, ['loaded@1', 'promptDone@4']);
});
