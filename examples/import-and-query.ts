// A saved trace becomes a run, which is then asked in SQL. Needs no root.
//   npx tsx import-and-query.ts trace runs/imported
import { importTrace } from 'blkscope';
import { openRuns } from 'blkscope/store';

const [trace = 'trace', output = 'runs/imported'] = process.argv.slice(2);
const { run, problem } = await importTrace({ paths: [trace], output });
console.log(`${run.summary.reads.count} reads, ${run.summary.reads.bytes} bytes`);
if (problem) console.log(problem.message); // such as: events were lost
run.close();

// Every table and view of docs/store.md, of one run or many.
using runs = await openRuns([output]);
const largest = await runs.query('SELECT sector, sectors, process FROM io ORDER BY sectors DESC LIMIT 3');
console.table(await largest.getRowObjectsJson());
