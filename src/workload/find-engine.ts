import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { inPath, isExecutable } from '../process/programs.js';
import { embeddedEngine } from './embedded.js';
import type { Engine } from './engine.js';
import { llamaEngine } from './llama-programs.js';

/**
 * Programs looked for in PATH, best first. llama-completion comes before the others: it takes the prompt as it is (no chat
 * template around it), prints each token when it has it, ends by itself, and logs how many tokens it evaluated and how
 * fast. `llama` holds all of llama.cpp's programs, this one too. A llama-cli of 2026 is a chat on top of a server and
 * prints two rounded speeds; one of before 2025 does all of the above. llama-bench is used only when asked for.
 */
const programsInPath = ['llama-completion', 'llama', 'llama-cli'] as const;

/**
 * Programs that a user may take for the one that `run` uses. None of them generates and ends by itself; they are named
 * where nothing else is found, with the way to trace them.
 */
const otherPrograms = [
  'llama-server',
  'ollama',
  'koboldcpp',
  'llamafile',
  'vllm',
  'llama-run',
  'lms',
] as const;

/**
 * The engine for `choice`: a program or a folder of them (`--llama`), a program and which of its commands (`llama bench`),
 * or the word `embedded`. Without a choice $LLAMA_CLI, then PATH, then the embedded engine.
 *
 * A program in PATH that is not understood is passed over, and said so in the engine's `passedOver`.
 *
 * Throws BlkscopeError LLAMA_NOT_FOUND, or LLAMA_UNKNOWN for a named program that is not understood, with the reason.
 */
export async function findEngine(choice?: string): Promise<Engine> {
  if (choice === 'embedded') return embeddedEngine();
  if (choice) return namedEngine(choice, '--llama');
  const fromEnvironment = process.env.LLAMA_CLI;
  if (fromEnvironment === 'embedded') return embeddedEngine();
  if (fromEnvironment) return namedEngine(fromEnvironment, '$LLAMA_CLI');
  const passedOver: string[] = [];
  for (const path of programsInPath.map((name) => inPath(name))) {
    if (!path) continue;
    try {
      return { ...(await llamaEngine(path)), passedOver };
    } catch (error) {
      if (!(error instanceof BlkscopeError)) throw error;
      passedOver.push(error.message);
    }
  }
  return withoutProgram(passedOver);
}

/** What is in PATH is named, used or not. */
function withoutProgram(passedOver: readonly string[]): Engine {
  const others = otherPrograms.map((name) => inPath(name)).filter((path) => path !== null);
  const named = [
    ...passedOver,
    ...others.map((path) => `${path}: not a program that generates and ends; to trace it: ${tracing}`),
  ];
  try {
    return { ...embeddedEngine(), passedOver: named };
  } catch (error) {
    if (!(error instanceof BlkscopeError)) throw error;
    const none = `no llama.cpp was named or found in PATH, and ${error.message}`;
    throw new BlkscopeError(error.code, [none, ...named].join('; '), error.kind, { cause: error });
  }
}

const tracing = 'blkscope record -- CMD, or record --attach PID while it runs';

/** `named` as a program, or as one and its command. */
function namedEngine(named: string, origin: string): Promise<Engine> {
  const [, program, command] = /^(.*\S)\s+(\w+)$/.exec(named) ?? [];
  if (program === undefined || existsSync(resolve(named))) return llamaEngine(programAt(named, origin));
  return llamaEngine(programAt(program, origin), command);
}

/** A path, a folder such as llama.cpp's build/bin, or a name to be found in PATH. */
function programAt(named: string, origin: string): string {
  const path = resolve(named);
  if (existsSync(path) && statSync(path).isDirectory()) {
    const inFolder = programsInPath.map((name) => join(path, name)).find(isExecutable);
    if (inFolder) return inFolder;
    throw notFound(`${origin} ${named}: this folder holds none of ${programsInPath.join(', ')}`);
  }
  const found = isExecutable(path) ? path : named.includes('/') ? null : inPath(named);
  if (found) return found;
  throw notFound(`${origin} ${named}: ${existsSync(path) ? 'not an executable file' : 'no such program'}`);
}

function notFound(what: string): BlkscopeError {
  return new BlkscopeError(
    'LLAMA_NOT_FOUND',
    `${what}; name llama.cpp's program, or say --llama embedded`,
    'unsupported',
  );
}
