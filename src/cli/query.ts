import { Command, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { BlkscopeError, openRuns } from '../index.js';
import { fit, widthOf, wrapped } from '../report/fit.js';
import { printable } from '../report/printable.js';
import { csvLine, exactValue, jsonValue, textBlocks, textTable } from '../report/rows.js';
import { tables } from '../store/schema.js';
import { views } from '../store/views.js';
import { seconds } from './options.js';
import { stdoutScreen } from './screen.js';

export function queryCommand(): Command {
  return new Command('query')
    .argument('<runs...>', 'run folders or patterns, then the SQL')
    .option('--json', 'print an array of objects')
    .addOption(new Option('--csv', 'print comma-separated values').conflicts('json'))
    .addOption(
      new Option('--time-limit <seconds>', 'end the query after this time (default: 600)').argParser(seconds),
    )
    .option('--unsafe', 'let the query write files, attach databases and install extensions')
    .addHelpText('after', help)
    .action(query);
}

/** Names in lines that a terminal holds, beside a heading of nine columns. */
function below(names: readonly string[]): string {
  return wrapped(names.join(', '), 70).join('\n         ');
}

const help = `
Tables:  ${below([...tables])}
         event_row and io_row hold the numbers of event and io alone, for speed
Views:   ${below([...views])}
Each has a column run, the folder's name. Times are ns on CLOCK_MONOTONIC,
sectors 512 bytes of the whole disk.

Examples:
  blkscope query runs/one "FROM bandwidth"
  blkscope query runs/one "SELECT name, coverage FROM tensor_coverage LIMIT 10"
  blkscope query 'runs/*' "SELECT run, sum(reads) FROM bandwidth GROUP BY run"
  blkscope query runs/one "DESCRIBE io"`;

interface QueryFlags {
  json?: boolean;
  csv?: boolean;
  timeLimit?: number;
  unsafe?: boolean;
}

async function query(words: string[], flags: QueryFlags): Promise<void> {
  const sql = words.pop();
  if (!sql || words.length === 0) {
    throw new BlkscopeError('NO_QUERY', 'query needs run folders and then the SQL, quoted as one word');
  }
  await using runs = await openRuns(words, given({ unsafe: flags.unsafe, timeLimitMs: flags.timeLimit }));
  const result = await runs.query(sql);
  const columns = result.deduplicatedColumnNames();
  if (flags.csv) {
    // What goes on to a file or a program gets every byte.
    const line = process.stdout.isTTY ? shownLine : csvLine;
    process.stdout.write(line(columns));
    for await (const rows of result.yieldConvertedRows(exactValue)) {
      process.stdout.write(rows.map(line).join(''));
    }
    return;
  }
  const rows = await result.convertRows(exactValue);
  if (flags.json) {
    const objects = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])));
    process.stdout.write(`${JSON.stringify(objects, jsonValue, 2)}\n`);
  } else {
    process.stdout.write(tableFor(process.stdout, columns, rows));
  }
}

const shownLine = (row: readonly unknown[]) => `${printable(csvLine(row).slice(0, -1))}\n`;

/** What is piped on keeps its columns whatever they take; on a terminal that is too narrow for them they stand below each other. */
function tableFor(
  { isTTY }: { isTTY?: boolean },
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): string {
  const table = textTable(columns, rows);
  const screen = stdoutScreen();
  if (!isTTY || table.split('\n').every((line) => widthOf(line) <= screen.columns)) return table;
  return fit(textBlocks(columns, rows), screen.columns);
}
