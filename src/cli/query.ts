import { Command, Option } from 'commander';
import { BlkscopeError, openRuns } from '../index.js';
import { csvLine, exactValue, jsonValue, textTable } from '../report/rows.js';
import { tables } from '../store/schema.js';
import { views } from '../store/views.js';

export function queryCommand(): Command {
  return new Command('query')
    .description("run SQL on a run, or on many ('runs/*'); docs/store.md lists the tables")
    .argument('<runs...>', 'run folders or patterns, then the SQL')
    .option('--json', 'print an array of objects')
    .addOption(new Option('--csv', 'print comma-separated values').conflicts('json'))
    .addHelpText('after', help)
    .action(query);
}

const help = `
Tables:  ${tables.join(', ')};
         event_row and io_row hold the numbers of event and io alone, for speed
Views:   ${views.join(', ')}
Each has a column run, the folder's name. Times are ns on CLOCK_MONOTONIC, sectors 512 bytes of the whole disk.

Examples:
  blkscope query runs/one "FROM bandwidth"
  blkscope query runs/one "SELECT name, coverage FROM tensor_coverage ORDER BY coverage LIMIT 10"
  blkscope query 'runs/*' "SELECT run, sum(read_bytes) FROM bandwidth GROUP BY run" --csv
  blkscope query runs/one "DESCRIBE io"`;

async function query(words: string[], flags: { json?: boolean; csv?: boolean }): Promise<void> {
  const sql = words.pop();
  if (!sql || words.length === 0) {
    throw new BlkscopeError('NO_QUERY', 'query needs run folders and then the SQL, quoted as one word');
  }
  await using runs = await openRuns(words);
  const result = await runs.query(sql);
  const columns = result.deduplicatedColumnNames();
  if (flags.csv) {
    process.stdout.write(csvLine(columns));
    for await (const rows of result.yieldConvertedRows(exactValue)) {
      process.stdout.write(rows.map(csvLine).join(''));
    }
    return;
  }
  const rows = await result.convertRows(exactValue);
  if (flags.json) {
    const objects = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])));
    process.stdout.write(`${JSON.stringify(objects, jsonValue, 2)}\n`);
  } else {
    process.stdout.write(textTable(columns, rows));
  }
}
