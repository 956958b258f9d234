// What each token of a run read from the disk, and the phases around them. Needs no root.
//   npx tsx tokens.ts runs/one
import { formatSize } from 'blkscope';
import { openRun } from 'blkscope/store';

const [path = 'runs/one'] = process.argv.slice(2);
const run = await openRun(path);
for await (const { name, tokens, readBytes } of run.phases())
  console.log(`${name}: ${tokens ?? '?'} tokens, ${formatSize(Number(readBytes))} read`);
for await (const { index, read_bytes, reads } of run.tokens())
  console.log(`token ${index}: ${formatSize(Number(read_bytes))} in ${reads} reads`);
run.close();
