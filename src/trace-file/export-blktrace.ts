import { asBlkscopeError } from '../capture/native-error.js';
import { native } from '../native.js';
import type { Run } from '../store/open-run.js';

/**
 * Writes a run's events as blktrace's files, BASE.blktrace.N for every CPU, for blkparse and btt to read; further
 * devices of the run go to BASE-MAJOR-MINOR.blktrace.N. Records are of version 1, which every blkparse reads. The store
 * does not keep where a remapped I/O came from, nor how many requests an unplug released: those read 0.
 *
 * Throws BlkscopeError: the run kept no events, a file exists or cannot be written.
 */
export async function exportBlktrace(run: Run, base: string): Promise<void> {
  const connection = await run.connect();
  try {
    const processes = (await connection.runAndReadAll('SELECT pid, name FROM process')).getRows();
    const writer = new native.BlktraceWriter(base, {
      wallClockNs: BigInt(Date.parse(run.config.startedAt)) * 1_000_000n,
      atNs: BigInt(run.config.startedNs),
      pids: Uint32Array.from(processes, ([pid]) => Number(pid)),
      names: processes.map(([, name]) => String(name)),
    });
    for await (const columns of run.eventColumns()) writer.write(columns);
    writer.finish();
  } catch (error) {
    throw asBlkscopeError(error);
  } finally {
    connection.closeSync();
  }
}
