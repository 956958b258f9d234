import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { inPath, isExecutable } from '../process/programs.js';
import { embeddedEngine } from './embedded.js';
import type { Engine } from './engine.js';
import { llamaEngine } from './llama-programs.js';

/**
 * Programs looked for in PATH, best first. llama-completion comes before llama-cli: it takes the prompt as it
 * is (no chat template around it), prints each token when it has it, ends by itself, and logs how many tokens
 * it evaluated and how fast. Today's llama-cli is a chat on top of a server and prints two rounded speeds.
 * Releases that had no llama-completion have a llama-cli that does all this. llama-bench is used only when
 * asked for.
 */
const programsInPath = ['llama-completion', 'llama-cli'] as const;

/**
 * The engine for `choice`: a program or a folder of them (`--llama`), or the word `embedded`. Without a
 * choice $LLAMA_CLI, then PATH, then the embedded engine.
 *
 * Throws BlkscopeError LLAMA_NOT_FOUND, or LLAMA_UNKNOWN for a program whose --help is not one of
 * llama.cpp's.
 */
export async function findEngine(choice?: string): Promise<Engine> {
  if (choice === 'embedded') return embeddedEngine();
  if (choice) return llamaEngine(programAt(choice, '--llama'));
  const fromEnvironment = process.env.LLAMA_CLI;
  if (fromEnvironment) return llamaEngine(programAt(fromEnvironment, '$LLAMA_CLI'));
  for (const name of programsInPath) {
    const path = inPath(name);
    if (path) return llamaEngine(path);
  }
  return embeddedEngine();
}

/** `named` as a program: a path, a folder such as llama.cpp's build/bin, or a name to be found in PATH. */
function programAt(named: string, origin: string): string {
  const path = resolve(named);
  if (existsSync(path) && statSync(path).isDirectory()) {
    const inFolder = programsInPath.map((name) => join(path, name)).find(isExecutable);
    if (inFolder) return inFolder;
    throw notFound(`${origin} ${named}: this folder holds neither ${programsInPath.join(' nor ')}`);
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
