import { basename, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { inPath, isExecutable } from '../process/programs.js';
import type { Engine } from './engine.js';
import { parseLlamaTimings } from './llama-timings.js';
import { loadingOf } from './loading.js';
import { startWorkload } from './running-workload.js';
import { speculates } from './speculation.js';

/**
 * The engine for any command line (`record -- CMD`). It gives a start and an end; should the command be one
 * of llama.cpp's programs, the timings that it prints are read all the same; should it be a server, what it logs of its
 * requests.
 *
 * Throws BlkscopeError COMMAND_NOT_FOUND.
 *
 * @example
 * const running = await commandEngine(['cat', 'model.gguf']).start({ log: 'cat.log' });
 * console.log((await running.done).exitCode);
 */
export function commandEngine(argv: readonly string[]): Engine {
  const [command, ...args] = argv;
  if (!command) throw new BlkscopeError('NO_COMMAND', 'no command given; write it after --');
  const path = programFor(command);
  return {
    name: 'command',
    path,
    start: (options) =>
      startWorkload({
        engine: 'command',
        argv: [path, ...args, ...(options.extraArgs ?? [])],
        version: null,
        options,
        loading: commandIsLlama([path]) ? loadingOf(args) : null,
        drafts: speculates([path, ...args]),
        logsRequests: true,
        timings: (log) => ({ timings: parseLlamaTimings(log.tail()) }),
      }),
  };
}

/** Whether it is a program of llama.cpp's or a fork's, by its name, also one that an interpreter or a loader starts. */
export function commandIsLlama(argv: readonly string[]): boolean {
  const [first = '', ...others] = argv;
  const names = [first, ...others.filter((word) => word.includes('/') && !/\.gguf$/i.test(word))];
  return names.some((path) => /^(llama([-.].*)?|main|server)$/.test(basename(path)));
}

function programFor(command: string): string {
  const path = command.includes('/') ? resolve(command) : inPath(command);
  if (path && isExecutable(path)) return path;
  const reason = command.includes('/') ? 'no such program, or not executable' : 'not found in PATH';
  throw new BlkscopeError('COMMAND_NOT_FOUND', `${command}: ${reason}`);
}
