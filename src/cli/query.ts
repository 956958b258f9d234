import { Command, Option } from 'commander';
import { wrapped } from '../report/fit.js';
import { tables } from '../store/schema.js';
import { views } from '../store/views.js';
import type { QueryFlags } from './handlers/query.js';
import { seconds } from './options.js';

export function queryCommand(): Command {
  return new Command('query')
    .argument('<runs...>', 'run folders or patterns, then the SQL')
    .option('--json', 'print an array of objects')
    .addOption(new Option('--csv', 'print comma-separated values').conflicts('json'))
    .addOption(
      new Option('--time-limit <seconds>', 'end the query after this time (default: 600)').argParser(seconds),
    )
    .option('--unsafe', 'let the query write files, attach databases and install extensions')
    .addHelpText('after', () => help())
    .action(async (words: string[], flags: QueryFlags) =>
      (await import('./handlers/query.js')).query(words, flags),
    );
}

/** Names in lines that a terminal holds, beside a heading of nine columns. */
function below(names: readonly string[]): string {
  return wrapped(names.join(', '), 70).join('\n         ');
}

const help = () => `
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
