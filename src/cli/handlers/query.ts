import { BlkscopeError } from '../../errors.js';
import { given } from '../../experiment/trace-options.js';
import { fit, widthOf } from '../../report/fit.js';
import { printable } from '../../report/printable.js';
import { csvLine, exactValue, jsonValue, textBlocks, textTable } from '../../report/rows.js';
import { askRuns } from '../../store/open-runs.js';
import { stdoutScreen } from '../screen.js';

export interface QueryFlags {
  json?: boolean;
  csv?: boolean;
  timeLimit?: number;
  unsafe?: boolean;
}

export async function query(words: string[], flags: QueryFlags): Promise<void> {
  const sql = words.pop();
  if (!sql || words.length === 0) {
    throw new BlkscopeError('NO_QUERY', 'query needs run folders and then the SQL, quoted as one word');
  }
  const { runs, result } = await askRuns(
    words,
    sql,
    given({ unsafe: flags.unsafe, timeLimitMs: flags.timeLimit }),
  );
  await using _ = runs;
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
