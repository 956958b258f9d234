import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a program and gives what it prints. Throws with its complaint where it fails. */
export function output(program: string, args: readonly string[], folder?: string): string {
  const options = folder === undefined ? {} : { cwd: folder };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

const folder = join(root, 'build/bench');

/** The path of a native program of the benches. */
export const built = (path: string): string => join(folder, 'bench', path);

/** Compiles native programs of the benches. */
export function build(...targets: string[]): void {
  output('cmake', ['-S', root, '-B', folder, '-DBLKSCOPE_BENCH=ON']);
  output('cmake', ['--build', folder, '-j', '2', '--target', ...targets]);
}
