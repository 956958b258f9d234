import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { native } from '../native/binding.js';
import type { RunConfig } from '../run/config.js';
import { partialPath } from '../run/partial.js';
import { storeError } from '../run/store-error.js';
import { epochNs } from '../run/wall-clock.js';
import { prepareTarget } from '../run/whole-file.js';
import type { Run } from '../store/open-run.js';
import { withPayloads } from '../store/payloads.js';

/**
 * Writes a run's events as blktrace's files, BASE.blktrace.N for every CPU, for blkparse and btt to read; further
 * devices of the run go to BASE-MAJOR-MINOR.blktrace.N. Records are of version 1, the only one that blkparse reads, also
 * for a capture of version 2: they say the same but of zone operations, which version 1 has no actions for.
 *
 * The files get their names when all are whole, the first last, without which blkparse finds none of them.
 *
 * Returns how many events were left out for that. Throws BlkscopeError: the run kept no events, a file exists or cannot
 * be written.
 */
export async function exportBlktrace(run: Run, base: string): Promise<number> {
  const first = `${base}.blktrace.0`;
  prepareTarget(first);
  const partial = partialPath(base);
  try {
    mkdirSync(partial);
    const leftOut = await writeFiles(run, join(partial, basename(base)));
    const isFirst = (name: string) => Number(name === basename(first));
    const names = readdirSync(partial).sort((a, b) => isFirst(a) - isFirst(b));
    for (const name of names) renameSync(join(partial, name), join(dirname(base), name));
    return leftOut;
  } catch (error) {
    throw storeError(error, `write ${base}`);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** 0: not known, and then not written. */
function wallClock({ startedAt, startedNs }: RunConfig): { wallClockNs: bigint; atNs: bigint } {
  if (startedAt === null || startedNs === null) return { wallClockNs: 0n, atNs: 0n };
  return { wallClockNs: epochNs(startedAt), atNs: BigInt(startedNs) };
}

async function writeFiles(run: Run, base: string): Promise<number> {
  const connection = await run.connect();
  try {
    const processes = (await connection.runAndReadAll('SELECT pid, name FROM process')).getRows();
    const writer = new native.BlktraceWriter(base, {
      ...wallClock(run.config),
      pids: Uint32Array.from(processes, ([pid]) => Number(pid)),
      names: processes.map(([, name]) => String(name)),
    });
    for await (const columns of withPayloads(run.eventColumns(), connection)) writer.write(columns);
    return writer.finish();
  } finally {
    connection.closeSync();
  }
}
