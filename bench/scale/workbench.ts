import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { built, output, root } from '../programs.js';
import type { Cost } from '../results.js';

export const cli = join(root, 'dist/cli/main.js');

/** Runs a program with its output thrown away, in a folder. Throws with its complaint where it fails. */
export function measure(folder: string, ...command: string[]): Cost {
  return JSON.parse(output(built('analyse/measure'), command, folder));
}

export const blkscope = (folder: string, ...words: string[]): Cost =>
  measure(folder, process.execPath, cli, ...words);

/** What is missing of a program's input comes from another one, through a pipe. */
export function measurePiped(folder: string, from: readonly string[], ...words: string[]): Cost {
  const quoted = (parts: readonly string[]) => parts.map((part) => `'${part}'`).join(' ');
  const measured = [built('analyse/measure'), process.execPath, cli, ...words];
  return JSON.parse(output('sh', ['-c', `${quoted(from)} | ${quoted(measured)}`], folder));
}

/** Throws where a part would need more of the disk than is free. */
export function requireDisk(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < bytes)
    throw new Error(`${folder} has ${bavail * bsize} bytes free, and ${bytes} are needed: set TMPDIR`);
}

/** A line of what was found, for whoever waits. */
export function tell(name: string, { seconds, peakBytes }: Pick<Cost, 'seconds' | 'peakBytes'>): void {
  const mib = (peakBytes / 2 ** 20).toFixed(0);
  console.log(`  ${name.padEnd(44)}${seconds.toFixed(2).padStart(9)} s${mib.padStart(8)} MiB`);
}
