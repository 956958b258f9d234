// A user's program in TypeScript that a bundler makes one file of.
import { importTrace, parseSize } from 'blkscope';
import { SectorSet } from 'blkscope/sectors';

async function main([trace = '', output = '']: readonly string[]): Promise<void> {
  const { run } = await importTrace({ paths: [trace], output });
  const set = new SectorSet();
  for await (const { sector, sectors } of run.eventColumns()) set.insertMany(sector, sectors);
  run.close();
  console.log(`${run.summary.reads.count} reads, ${set.size > 0n}, ${parseSize('1G')}`);
}

main(process.argv.slice(2));
