import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { built, output } from '../programs.js';
import type { DayBench, HeldAfter } from '../results.js';
import { importPiped } from './length.js';
import { blkscope, requireDisk, tell } from './workbench.js';

const eventsPerSecond = 5_000;
const tokensPerSecond = 10;

/** A capture of so many hours by a clock of its own; then the run of such a trace, its report and its page. */
export function day(folder: string, hours: number): DayBench {
  const args = [hours, eventsPerSecond, tokensPerSecond].map(String);
  const lines = output(built('scale/day_bench'), args).trim().split('\n');
  const held = lines.map((line): HeldAfter => JSON.parse(line));
  for (const row of held) console.log(`  ${JSON.stringify(row)}`);
  const events = hours * 3600 * eventsPerSecond;
  requireDisk(folder, events * 6);
  const run = join(folder, 'run');
  const stored = importPiped(folder, events, true, 1e9 / eventsPerSecond);
  tell('import', stored);
  const { timeline } = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
  const commands = [
    { name: 'report', words: ['report', run] },
    { name: 'report --html', words: ['report', run, '--html', join(folder, 'page.html')] },
    {
      name: 'plot --kind timeline',
      words: ['plot', run, '--kind', 'timeline', '-o', join(folder, 'day.svg')],
    },
    { name: 'query bandwidth', words: ['query', run, 'SELECT count(*), sum(read_bytes) FROM bandwidth'] },
    { name: 'query latency', words: ['query', run, 'FROM latency'] },
  ].map(({ name, words }) => {
    const cost = blkscope(folder, ...words);
    tell(name, cost);
    return { name, ...cost };
  });
  const bytes = statSync(join(run, 'trace.duckdb')).size;
  const pageBytes = statSync(join(folder, 'page.html')).size;
  for (const name of ['run', 'page.html', 'day.svg']) rmSync(join(folder, name), { recursive: true });
  return {
    hours,
    eventsPerSecond,
    held,
    stored,
    bytes,
    pageBytes,
    buckets: timeline.readBytes.length,
    commands,
  };
}
