import { readFileSync, writeSync } from 'node:fs';
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { append } from '../extremes.js';
import { native } from '../native/binding.js';
import { reportsDescriptor } from '../process/launch.js';
import { statusBytes } from '../process/process-memory.js';
import type { SentReport } from './embedded-reports.js';

// The embedded engine's process: loads a model and generates, as the one argument (JSON) says, and sends what
// happens to blkscope. All it prints goes to the workload's log. Run by embedded.ts.

/** What to do. null: node-llama-cpp's own choice, but for the context, which is as large as needed. */
export interface EmbeddedRequest {
  model: string;
  prompt: string;
  /** The prompt is cut or repeated to this length. */
  promptTokens: number | null;
  tokens: number;
  threads: number;
  context: number | null;
  batch: number | null;
  seed: number;
  temperature: number;
  mmap: boolean;
  mlock: boolean;
  /** Weights may be copied into a layout that suits the CPU. */
  repack: boolean;
}

const request = JSON.parse(process.argv[2] ?? '') as EmbeddedRequest;
generate(request).then(
  () => process.exit(0), // no time is spent on giving back memory that is gone with the process
  (error: unknown) => {
    console.error(`error: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`);
    process.exit(1);
  },
);

async function generate(request: EmbeddedRequest): Promise<void> {
  // With them llama.cpp copies F16 weights too, and its library has no switch against that.
  if (!request.repack) native.declineTileRegisters();
  const { getLlama, getModuleVersion, LlamaLogLevel } = await import('node-llama-cpp');
  const llama = await getLlama({
    gpu: false,
    maxThreads: request.threads,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.log,
    logger: (level, message) => console.log(`${level}: ${message.trimEnd()}`),
  });
  const version = `${llama.llamaCppRelease.release} (node-llama-cpp ${await getModuleVersion()})`;
  send({ kind: 'loading', time: now(), version, anonBytes: ownAnonBytes() });
  const model = await llama.loadModel({
    modelPath: request.model,
    useMmap: request.mmap,
    useMlock: request.mlock,
    ignoreMemorySafetyChecks: true, // too little memory is what is being studied
  });
  const prompt = promptTokens(model, request);
  const context = await model.createContext({
    contextSize: request.context ?? prompt.length + request.tokens + 64,
    sequences: 1,
    ...(request.batch === null ? {} : { batchSize: request.batch }),
    threads: request.threads,
    ignoreMemorySafetyChecks: true,
  });
  const sequence = context.getSequence({ checkpoints: { max: 0, interval: false } });
  send({ kind: 'loaded', time: now() });
  send({ kind: 'prompt', tokens: prompt.length });
  await generateTokens(sequence, prompt, model, request);
}

async function generateTokens(
  sequence: LlamaContextSequence,
  prompt: Token[],
  model: LlamaModel,
  { tokens, temperature, seed }: EmbeddedRequest,
): Promise<void> {
  const { TokenBias } = await import('node-llama-cpp');
  const noEnd = TokenBias.for(model);
  for (const token of [model.tokens.eos, model.tokens.eot]) if (token !== null) noEnd.set([token], 'never');
  const words: Token[] = [];
  // llama.cpp's own defaults, so that the engines sample alike.
  const sampling = { temperature, seed, topK: 40, topP: 0.95, minP: 0.05 };
  for await (const token of sequence.evaluate(prompt, {
    ...sampling,
    tokenBias: noEnd,
    yieldEogToken: true,
  })) {
    const time = now();
    if (words.length === 0) send({ kind: 'promptDone', time });
    send({ kind: 'token', time, index: words.length });
    if (words.push(token) >= tokens) break;
  }
  console.log(model.detokenize(words, true));
}

/** The prompt's tokens, cut or repeated to the length asked for. */
function promptTokens(model: LlamaModel, { prompt, promptTokens: length }: EmbeddedRequest): Token[] {
  const { bos } = model.tokens;
  const words = model.tokenize(prompt);
  const whole = [...(bos !== null && model.tokens.shouldPrependBosToken ? [bos] : []), ...words];
  if (whole.length === 0) throw new Error('the prompt is empty');
  if (length === null) return whole;
  while (whole.length < length) append(whole, words.length > 0 ? words : whole);
  return whole.slice(0, length);
}

function ownAnonBytes(): number {
  return statusBytes(readFileSync('/proc/self/status', 'utf8'), 'RssAnon');
}

function now(): string {
  return String(process.hrtime.bigint());
}

function send(report: SentReport): void {
  writeSync(reportsDescriptor, `${JSON.stringify(report)}\n`);
}
