import { asBlkscopeError } from '../capture/native-error.js';
import { native } from '../native.js';
import type { Run } from '../store/open-run.js';
import { withPayloads } from '../store/payloads.js';

/**
 * Writes a run's events as blktrace's files, BASE.blktrace.N for every CPU, for blkparse and btt to read; further
 * devices of the run go to BASE-MAJOR-MINOR.blktrace.N. Records are of version 1, the only one that blkparse reads, also
 * for a capture of version 2: they say the same but of zone operations, which version 1 has no actions for.
 *
 * Returns how many events were left out for that. Throws BlkscopeError: the run kept no events, a file exists or cannot
 * be written.
 */
export async function exportBlktrace(run: Run, base: string): Promise<number> {
  const connection = await run.connect();
  try {
    const processes = (await connection.runAndReadAll('SELECT pid, name FROM process')).getRows();
    const writer = new native.BlktraceWriter(base, {
      wallClockNs: BigInt(Date.parse(run.config.startedAt)) * 1_000_000n,
      atNs: BigInt(run.config.startedNs),
      pids: Uint32Array.from(processes, ([pid]) => Number(pid)),
      names: processes.map(([, name]) => String(name)),
    });
    for await (const columns of withPayloads(run.eventColumns(), connection)) writer.write(columns);
    return writer.finish();
  } catch (error) {
    throw asBlkscopeError(error);
  } finally {
    connection.closeSync();
  }
}
