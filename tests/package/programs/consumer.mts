// A user's program in TypeScript. It is compiled, not run.
import { importTrace, type Summary } from 'blkscope';
import { Tracer } from 'blkscope/capture';
import { SectorSet } from 'blkscope/sectors';
import { openRun } from 'blkscope/store';

const set: SectorSet = new SectorSet();
const size: bigint = set.size;
const tracer = Tracer.start({ devices: ['sda'] });
for await (const batch of tracer) set.insertMany(batch.sector, batch.bytes);
const { run } = await importTrace({ paths: ['trace'] });
const summary: Summary = (await openRun(run.path)).summary;
console.log(size, summary.reads.bytes);
export {};
