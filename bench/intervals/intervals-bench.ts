// The union of sector ranges beside std::map, CRoaring and the SQL that blkscope replaces, on made patterns and on a run.
//
//   npm run bench:intervals -- [--quick] [--run RUN] [--rounds N] [--scale X] [--json FILE]
//
// RUN is a run folder with events; the reads that completed in it are a pattern of their own. Times are ns an insertion,
// medians of --rounds (default 5) interleaved rounds; the SQL, counting every sector that generate_series gives, runs on
// the first 20,000 reads of each pattern, on one thread. --quick: a tenth of the reads, and 3 rounds. Needs CRoaring
// (Debian's libroaring-dev) and the build.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { build, built, output } from '../programs.js';
import type { Pattern } from '../results.js';

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    run: { type: 'string' },
    rounds: { type: 'string' },
    scale: { type: 'string' },
    json: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'blkscope-bench-'));

/** As intervals_bench prints it; `barNs` is the most that an insertion may take, 0 where nothing was promised. */
type Printed = Omit<Pattern, 'sqlNs'> & { barNs: number };

/** The reads that completed in a run, as the columns that intervals_bench reads. */
async function readsOf(run: string): Promise<string> {
  const path = join(folder, 'thrash.csv');
  const instance = await DuckDBInstance.create(join(run, 'trace.duckdb'), { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  await connection.run(
    `COPY (SELECT sector, sectors FROM event WHERE action = 'complete' AND direction = 'read' AND error = 0 ORDER BY time) TO '${path}'`,
  );
  connection.closeSync();
  instance.closeSync();
  return path;
}

/** What the SQL takes a read, in ns. Throws: it counts other sectors. */
async function sqlNs(connection: DuckDBConnection, { name, sample }: Printed): Promise<number> {
  const words = new BigUint64Array(new Uint8Array(readFileSync(join(folder, `${name}.bin`))).buffer);
  const rows = Array.from({ length: sample.reads }, (_, i) => `${words[2 * i]},${words[2 * i + 1]}`);
  const csv = join(folder, 'sample.csv');
  writeFileSync(csv, `sector,sectors\n${rows.join('\n')}\n`);
  await connection.run(`CREATE OR REPLACE TABLE reads AS SELECT * FROM '${csv}'`);
  const start = process.hrtime.bigint();
  const result = await connection.runAndReadAll(
    'SELECT COUNT(DISTINCT s) FROM (SELECT UNNEST(generate_series(sector, sector + sectors - 1)) s FROM reads)',
  );
  const took = Number(process.hrtime.bigint() - start);
  const counted = Number(result.getRows()[0]?.[0]);
  if (counted !== sample.sectors)
    throw new Error(`${name}: SQL counts ${counted}, blkscope ${sample.sectors}`);
  return took / sample.reads;
}

function show(pattern: Printed, sql: number): void {
  const { title, barNs, structures } = pattern;
  const own = structures.sectorSet;
  const roaring = structures.roaring;
  if (!own) throw new Error('intervals_bench gave no figures of its own');
  const time = (structure?: { ns: number }) => (structure ? structure.ns.toFixed(1) : '-').padStart(8);
  const kib = (structure?: { bytes: number }) =>
    (structure ? (structure.bytes / 1024).toFixed(0) : '-').padStart(8);
  const bar = barNs ? `${own.ns <= barNs ? 'within' : 'misses'} ${barNs}` : '';
  console.log(
    `${title.padEnd(46)}${time(own)}${time(structures.map)}${time(roaring)}${sql.toFixed(0).padStart(8)}` +
      `${kib(own)}${kib(structures.map)}${kib(roaring)}  ${bar}`,
  );
}

try {
  build('intervals_bench');
  const trace = flags.run === undefined ? [] : ['--trace', await readsOf(flags.run)];
  const rounds = flags.rounds ?? (flags.quick ? '3' : '5');
  const scale = flags.scale ?? (flags.quick ? '0.1' : '1');
  const options = ['--rounds', rounds, '--scale', scale, '--sample', '20000', folder, ...trace];
  const patterns: Printed[] = JSON.parse(output(built('intervals/intervals_bench'), options));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const columns = ['own', 'map', 'roaring', 'SQL', 'own', 'map', 'roaring'];
  console.log(
    `${'ns an insertion, then KiB'.padEnd(46)}${columns.map((name) => name.padStart(8)).join('')}  bar, ns`,
  );
  const results: Pattern[] = [];
  for (const pattern of patterns) {
    const sql = await sqlNs(connection, pattern);
    show(pattern, sql);
    results.push({ ...pattern, sqlNs: sql });
  }
  connection.closeSync();
  instance.closeSync();
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
