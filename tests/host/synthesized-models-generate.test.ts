// Synthetic models against the real thing: both engines load them, agree on their sizes, and generate words.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getLlama, type Llama, LlamaCompletion } from 'node-llama-cpp';
import { readModel } from '../../src/model/gguf.js';
import { type SynthesizeOptions, synthesizeModel } from '../../src/model/synthesize.js';
import { native } from '../../src/native/binding.js';
import { llamaProgram } from './llama-programs.js';

const TOKENS = 24;
const PROMPT = 'ba de gibo any text 123';
const run = promisify(execFile);
const inRepository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

let folder: string;
let llama: Llama;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blkscope-generate-'));
  await run(process.execPath, [inRepository('scripts/get-llama.mjs')]);
  // As blkscope's own child: in the layout for tile registers (AMX) llama.cpp computes no numbers for some of these models.
  native.declineTileRegisters();
  // llama.cpp's threads spin while they wait for each other: more of them than free cores take seconds a token
  llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, maxThreads: 1 });
});

after(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true });
});

const models: SynthesizeOptions[] = [
  { preset: 'tiny-llama' },
  { preset: 'tiny-llama', weights: 'Q8_0' },
  { preset: 'tiny-llama', weights: 'Q4_0' },
  { preset: 'tiny-llama', weights: 'Q4_K_M' },
  { preset: 'tiny-gpt-oss' },
  { preset: 'tiny-gpt-oss', weights: 'MXFP4', router: { zipf: 1 } },
  { preset: 'tiny-gemma3n' },
  { preset: 'engram-80m' },
];

for (const options of models) {
  const name = `${options.preset} ${options.weights ?? 'F16'}`;
  test(`${name} loads and generates`, async () => {
    const path = join(folder, `${name.replace(' ', '-')}.gguf`);
    await synthesizeModel(path, options);
    // the embedded engine's llama.cpp is older than this architecture
    if (options.preset !== 'engram-80m') await generateEmbedded(path);
    await generateWithLlamaCompletion(path);
    await rm(path);
  });
}

async function generateEmbedded(path: string): Promise<void> {
  const model = await llama.loadModel({ modelPath: path });
  const { tensors } = await readModel(path);
  assert.equal(
    model.size,
    tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    "llama.cpp's own sum of the tensors' bytes",
  );
  const context = await model.createContext({ contextSize: 128 });
  const completion = new LlamaCompletion({ contextSequence: context.getSequence() });
  let tokens = 0;
  const { response, metadata } = await completion.generateCompletionWithMeta(PROMPT, {
    maxTokens: TOKENS,
    temperature: 0.8,
    seed: 1,
    onToken: (some) => {
      tokens += some.length;
    },
  });
  assert.equal(metadata.stopReason, 'maxTokens');
  assert.equal(tokens, TOKENS);
  assertWords(response);
  await model.dispose();
}

/** Of tokens: the line of the prompt counts tokens, and no runs. */
const evaluation = /\beval time = .* (\d+) runs/;

async function generateWithLlamaCompletion(path: string): Promise<void> {
  const { stdout, stderr } = await runLlamaCompletion(path);
  const evaluated = evaluation.exec(stderr)?.[1];
  // the first token comes from the evaluation of the prompt
  assert.equal(Number(evaluated), TOKENS - 1, stderr);
  assertWords(stdout);
}

/** On a busy machine llama-completion sometimes exits without its last lines, though all is well: it gets three tries. */
async function runLlamaCompletion(path: string, tries = 3): Promise<{ stdout: string; stderr: string }> {
  const result = await run(llamaProgram('llama-completion'), [
    ...['--model', path, '--prompt', PROMPT, '--predict', String(TOKENS), '--ctx-size', '128'],
    ...['--threads', '1', '--seed', '1', '--no-conversation', '--no-repack', '--no-display-prompt'],
  ]);
  return evaluation.test(result.stderr) || tries === 1 ? result : runLlamaCompletion(path, tries - 1);
}

/** Broken activations (NaN, infinite) give one token again and again, or bytes that are no words. */
function assertWords(text: string): void {
  const words = text.trim().split(/\s+/);
  assert.ok(
    words.every((word) => /^[a-z]+$/.test(word)),
    text,
  );
  assert.ok(new Set(words).size > TOKENS / 3, text);
}
