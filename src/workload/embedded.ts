import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { BlkscopeError } from '../errors.js';
import type { EmbeddedRequest } from './embedded-child.js';
import { EmbeddedReports } from './embedded-reports.js';
import type { Engine, RunningWorkload, WorkloadOptions } from './engine.js';
import type { Loading } from './loading.js';
import type { LlamaTimings } from './printed-timings.js';
import { requireModel } from './require-model.js';
import { resolvedWorkload, threadsOf } from './resolved.js';
import { startWorkload } from './running-workload.js';

/** Both ways out where no llama.cpp is there. */
export function waysToLlama(): string {
  const { peerDependencies } = createRequire(import.meta.url)('../../package.json') as {
    peerDependencies: Record<string, string>;
  };
  const range = peerDependencies['node-llama-cpp'];
  return `name a program with --llama or $LLAMA_CLI, or bring one with: npm install 'node-llama-cpp@${range}'`;
}

/**
 * The engine that needs no llama.cpp on the machine: node-llama-cpp, which brings a built one, in a Node
 * process of its own. Its marks are the exactest, being taken in the process itself.
 *
 * Throws BlkscopeError EMBEDDED_MISSING where node-llama-cpp, an optional peer of this package, is not
 * installed.
 */
export function embeddedEngine(): Engine {
  try {
    createRequire(import.meta.url).resolve('node-llama-cpp');
  } catch (error) {
    throw new BlkscopeError(
      'EMBEDDED_MISSING',
      `node-llama-cpp, which brings llama.cpp, is not installed; ${waysToLlama()}`,
      'unsupported',
      { cause: error },
    );
  }
  return {
    name: 'embedded',
    path: null,
    start,
    // The library has no switch against it; see embedded-child.ts for the tile registers.
    packs: (options) => (resolvedWorkload(options).repack ? 'tiles' : 'vectors'),
    loading: (options) => loadingOf(resolvedWorkload(options)),
  };
}

function loadingOf({ mmap, mlock }: Pick<EmbeddedRequest, 'mmap' | 'mlock'>): Loading {
  const mode = mlock ? (mmap ? 'mmap+mlock' : 'mlock') : mmap ? 'mmap' : 'none';
  return { mode, lazy: null, gpuLayers: null, cpuMoe: null };
}

async function start(asked: WorkloadOptions): Promise<RunningWorkload> {
  const options = resolvedWorkload(asked);
  if (options.extraArgs.length > 0) {
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      `${options.extraArgs[0]}: the embedded engine takes no options of llama.cpp's; name a program with --llama`,
    );
  }
  const request: EmbeddedRequest = {
    model: requireModel(options),
    prompt: options.prompt,
    promptTokens: options.promptTokens ?? null,
    tokens: options.tokens,
    // The library's own default can be more threads than cores, whose spinning costs seconds a token.
    threads: threadsOf(options),
    context: options.context ?? null,
    batch: options.batch ?? null,
    seed: options.seed,
    temperature: options.temperature ?? 0.8,
    mmap: options.mmap,
    mlock: options.mlock,
    repack: options.repack,
  };
  const timings: LlamaTimings = {
    loadMs: null,
    promptTokens: null,
    promptTokensPerSecond: null,
    tokens: null,
    tokensPerSecond: null,
  };
  const reports = new EmbeddedReports(request.tokens, timings);
  return startWorkload({
    engine: 'embedded',
    argv: [process.execPath, ...childScript(), JSON.stringify(request)],
    version: null,
    options,
    loading: loadingOf(request),
    onReport: (line, time, workload) => reports.take(line, time, workload),
    timings: () => ({ timings }),
  });
}

/**
 * The child's script, compiled or, in a checkout whose tests run from source, with the loader for TypeScript.
 */
function childScript(): string[] {
  const fromSource = import.meta.url.endsWith('.ts');
  const script = fileURLToPath(
    new URL(`../workload/embedded-child.${fromSource ? 'ts' : 'js'}`, import.meta.url),
  );
  return fromSource ? ['--import', import.meta.resolve('tsx'), script] : [script];
}
