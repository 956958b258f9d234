import { resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { inPath, isExecutable } from '../process/programs.js';
import type { Engine } from './engine.js';
import { parseLlamaTimings } from './llama-timings.js';
import { startWorkload } from './running-workload.js';

/**
 * The engine for any command line (`record -- CMD`). It gives a start and an end; should the command be one
 * of llama.cpp's programs, the timings that it prints are read all the same.
 *
 * Throws BlkscopeError COMMAND_NOT_FOUND.
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
        timings: (log) => ({ timings: parseLlamaTimings(log.tail()) }),
      }),
  };
}

function programFor(command: string): string {
  const path = command.includes('/') ? resolve(command) : inPath(command);
  if (path && isExecutable(path)) return path;
  const reason = command.includes('/') ? 'no such program, or not executable' : 'not found in PATH';
  throw new BlkscopeError('COMMAND_NOT_FOUND', `${command}: ${reason}`);
}
