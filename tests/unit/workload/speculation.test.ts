import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LlamaOptions } from '../../../src/workload/llama-options.js';
import { parseDrafts, speculates, toldWithoutDrafts, walksOf } from '../../../src/workload/speculation.js';

test('drafts as servers, examples and JSON tell them', () => {
  for (const [text, drafted, accepted] of [
    ['draft acceptance rate = 0.57576 (  171 accepted /   297 generated)', 297, 171],
    [
      '0.40.3 I slot print_timing: id  0 | task 0 | draft acceptance = 0.95455 (   63 accepted /    66 generated), mean len =  3.86',
      66,
      63,
    ],
    ['draft acceptance = 0,50000 (   10 accepted /    20 generated)', 20, 10],
    ['n_draft   = 16\nn_predict = 120\nn_drafted = 240\nn_accept  = 80\naccept    = 33.333%', 240, 80],
    ['n_draft   = 16\nn_predict = 120\nn_accept  = 80', 80, 80],
    ['{"timings":{"predicted_n":64,"draft_n":40,"draft_n_accepted":30}}', 40, 30],
  ] as const) {
    assert.deepEqual(parseDrafts(text), { drafted, accepted }, text);
  }
  assert.equal(parseDrafts('eval time = 1.00 ms / 2 runs'), null);
  assert.equal(parseDrafts('{"timings":{"predicted_n":64}}'), null);
});

test('of several requests the last counts', () => {
  const line = (accepted: number) => `draft acceptance = 0.5 (${accepted} accepted / 66 generated)\n`;
  assert.equal(parseDrafts(line(7) + line(9))?.accepted, 9);
});

test('each walk gives one token of its own', () => {
  assert.equal(walksOf(86, { drafted: 66, accepted: 63 }), 23);
  assert.equal(walksOf(5, { drafted: 5, accepted: 5 }), 1);
});

test('a command line that asks for it', () => {
  for (const line of [
    '-md draft.gguf',
    '--spec-type draft-mtp',
    '--spec-draft-model=d.gguf',
    '--spec-default',
    '--spec-type=ngram-simple',
  ]) {
    assert.ok(speculates(line.split(' ')), line);
  }
  for (const line of ['-m model.gguf', '--spec-type none', '--spec-draft-n-max 3', '-mdl x']) {
    assert.ok(!speculates(line.split(' ')), line);
  }
});

test('a build that has --spec-type leaves a draft model alone without it', () => {
  const build = LlamaOptions.fromHelp(`
--spec-draft-model, -md, --model-draft FNAME
--spec-type none,draft-simple,draft-mtp,ngram-simple
`);
  const older = LlamaOptions.fromHelp('-md,   --model-draft FNAME   draft model');
  const asks = (line: string, known?: LlamaOptions, env = {}) => speculates(line.split(' '), known, env);
  assert.ok(!asks('-md draft.gguf', build));
  assert.ok(asks('-md draft.gguf', older));
  assert.ok(asks('-md draft.gguf', build, { LLAMA_ARG_SPEC_TYPE: 'draft-simple' }));
  for (const type of ['draft-simple', 'none,ngram-simple', 'draft-mtp'])
    assert.ok(asks(`-md draft.gguf --spec-type ${type}`, build), type);
  assert.ok(!asks('--spec-type draft-simple --spec-type none', build), 'the last counts');
  assert.ok(!asks('-md draft.gguf --spec-type none'), 'so it is a build that has it');
});

test('what a program tells of a request without a word of drafts was made without', () => {
  const figures = 'slot print_timing: id  0 | task 0 |        eval time =     347.90 ms /     8 tokens\n';
  const drafts =
    'slot print_timing: id  0 | task 0 | draft acceptance = 0.1 (    3 accepted /    19 generated)\n';
  const end = 'slot      release: id  0 | task 0 | stop processing: n_tokens = 15, truncated = 0\n';
  assert.ok(toldWithoutDrafts(figures + end));
  assert.ok(!toldWithoutDrafts(figures), 'the next line may have been lost');
  assert.ok(!toldWithoutDrafts(figures + drafts + end));
  assert.ok(!toldWithoutDrafts('[ Prompt: 80.0 t/s | Generation: 4.0 t/s ]'));
});
