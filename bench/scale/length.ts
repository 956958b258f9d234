import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { built } from '../programs.js';
import type { ByLength, Cost } from '../results.js';
import { blkscope, measurePiped, requireDisk, tell } from './workbench.js';

const storedBytesPerEvent = 6;

/** A trace of so many events, on its way through a pipe: it is never on the disk. */
const generated = (events: number, gapNs = 600) => [
  built('analyse/generate_trace'),
  ...['-', String(events), '2', 'harsh', String(gapNs)],
];

/** An import of a trace as it comes, and the CPU time of its two threads. */
export function importPiped(
  folder: string,
  events: number,
  store: boolean,
  gapNs?: number,
): Cost & { analysisNs: number } {
  const run = join(folder, 'run');
  const kept = store ? [] : ['--no-store'];
  const words = ['import', '--in-order', '-', '--json', '-o', run, ...kept];
  const cost = measurePiped(folder, generated(events, gapNs), ...words);
  const { tracer } = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
  return { ...cost, analysisNs: tracer.analysisNs };
}

/** From 100,000 events on, ten times as many each. `mostStored`: the longest that is stored, reported and made a page of. */
export function byLength(folder: string, most: number, mostStored: number): ByLength[] {
  const found: ByLength[] = [];
  requireDisk(folder, mostStored * storedBytesPerEvent);
  const run = join(folder, 'run');
  for (let events = 100_000; events <= most; events *= 10) {
    console.log(`${events.toLocaleString('en-US')} events`);
    const plain = importPiped(folder, events, false);
    tell('import --no-store', plain);
    rmSync(run, { recursive: true });
    const row: ByLength = { events, import: plain, stored: null };
    if (events <= mostStored) {
      const stored = importPiped(folder, events, true);
      tell('import', stored);
      const bytes = statSync(join(run, 'trace.duckdb')).size;
      const report = blkscope(folder, 'report', run);
      tell('report', report);
      const page = blkscope(folder, 'report', run, '--html', join(folder, 'page.html'));
      tell('report --html', page);
      rmSync(run, { recursive: true });
      rmSync(join(folder, 'page.html'));
      row.stored = { import: stored, bytes, report, page };
    }
    found.push(row);
  }
  return found;
}
