import { basename, dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { native } from '../native/binding.js';
import type { RunConfig } from '../run/config.js';
import { epochNs } from '../run/wall-clock.js';
import { refuseExistingFile, writeBeside } from '../run/whole-file.js';
import type { Run } from '../store/open-run.js';
import { withPayloads } from '../store/payloads.js';

/**
 * Writes a run's events as blktrace's files, BASE.blktrace.N for every CPU, for blkparse and btt to read; further
 * devices of the run go to BASE-MAJOR-MINOR.blktrace.N. Records are of version 1, the only one that blkparse reads, also
 * for a capture of version 2: they say the same but of zone operations, which version 1 has no actions for.
 *
 * The files get their names when all are whole, the first last, without which blkparse finds none of them.
 *
 * btt and fio do nothing with a trace that has no queue events, as the default of tracing makes them. `makeQueues` adds
 * one to each request's first issue, for every device without; a message in the file marks them.
 *
 * Returns in words what the files lack; null: nothing. Throws BlkscopeError: the run kept no events, a file exists or
 * cannot be written.
 */
export async function exportBlktrace(run: Run, base: string, makeQueues: boolean): Promise<string | null> {
  const first = `${base}.blktrace.0`;
  refuseExistingFile(first);
  return await writeBeside(base, async (partial) => {
    const lacks = await writeFiles(run, partial.file(basename(base)), makeQueues);
    const isFirst = (name: string) => Number(name === basename(first));
    const names = partial.names().sort((a, b) => isFirst(a) - isFirst(b));
    for (const name of names) partial.moveOut(name, join(dirname(base), name));
    return lacks;
  });
}

/** 0: not known, and then not written. */
function wallClock({ startedAt, startedNs }: RunConfig): { wallClockNs: bigint; atNs: bigint } {
  if (startedAt === null || startedNs === null) return { wallClockNs: 0n, atNs: 0n };
  return { wallClockNs: epochNs(startedAt), atNs: BigInt(startedNs) };
}

async function writeFiles(run: Run, base: string, makeQueues: boolean): Promise<string | null> {
  const connection = await run.connect();
  try {
    const processes = (await connection.runAndReadAll('SELECT pid, name FROM process')).getRows();
    const queueless = await devicesWithoutQueues(connection);
    const writer = new native.BlktraceWriter(base, {
      ...wallClock(run.config),
      pids: Uint32Array.from(processes, ([pid]) => Number(pid)),
      names: processes.map(([, name]) => String(name)),
      makeQueues: makeQueues ? queueless : new Uint32Array(),
    });
    for await (const columns of withPayloads(run.eventColumns(), connection)) writer.write(columns);
    return lacksOf(writer.finish(), queueless.length, makeQueues);
  } finally {
    connection.closeSync();
  }
}

/** Numbers of the devices of which requests were issued and none was seen queued. */
async function devicesWithoutQueues(connection: DuckDBConnection): Promise<Uint32Array> {
  const found = await connection.runAndReadAll(
    `SELECT device FROM event_row GROUP BY device
     HAVING count(*) FILTER (action = 'issue') > 0 AND count(*) FILTER (action = 'queue') = 0`,
  );
  return Uint32Array.from(found.getRows(), ([device]) => Number(device));
}

function lacksOf(leftOut: number, queueless: number, makeQueues: boolean): string | null {
  const lacks = [];
  if (leftOut > 0) {
    const events = `${leftOut} ${leftOut === 1 ? 'event' : 'events'}`;
    lacks.push(`${events} left out: blktrace's files have no action of that kind`);
  }
  if (queueless > 0 && !makeQueues) {
    lacks.push(
      'there are no queue events (Q) in the trace, and btt and fio need them: trace with --actions all, or export with --make-queues, which makes them at the time of issue',
    );
  }
  if (queueless === 0 && makeQueues) lacks.push('no queue events were made: the trace has its own');
  return lacks.length > 0 ? lacks.join('; ') : null;
}
