// The relay source against a load whose reads are known to the last one, and against blktrace on the same load.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Summary } from '../../src/figures/summary-schema.js';
import { bootGuest, type Guest } from './guest.js';

/** Two jobs keep both processors at it. */
const JOBS = 2;
const READS_A_JOB = 3000;
const READS = JOBS * READS_A_JOB;
const SECTORS_A_READ = 8;

const fio = (device: string, jobs = JOBS, readsAJob = READS_A_JOB) =>
  `fio --name=reads --filename=/dev/${device} --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=8 \
    --numjobs=${jobs} --number_ios=${readsAJob} --group_reporting --output=/tmp/fio.log`;

for (const { kernel, protocol } of [
  { kernel: '6.1', protocol: 1 },
  { kernel: '7.3', protocol: 2 },
] as const) {
  describe(`relay on kernel ${kernel}, record version ${protocol}`, { timeout: 300_000 }, () => {
    let guest: Guest;
    before(async () => {
      guest = await bootGuest({
        kernel,
        disks: [{ sizeMiB: 256 }],
        modules: ['null_blk nr_devices=1 gb=1 queue_mode=2'],
      });
    });
    after(async () => await guest[Symbol.asyncDispose]());

    // One job: its CPU fills sub-buffer after sub-buffer while they are read.
    test('loses and tears nothing at full speed', async () => {
      const reads = 60_000;
      const load = fio('nullb0', 1, reads);
      const { source, integrity } = await record(
        guest,
        'nullb0',
        load,
        '--actions',
        'all',
        '-b',
        '128K',
        '--buffer-count',
        '8',
      );
      assert.deepEqual(integrity.defects, []);
      assert.deepEqual([integrity.eventsDropped, integrity.sequenceGaps], [0, 0]);
      const { Q, G, D, C } = source.actions;
      assert.deepEqual({ Q, G, D, C }, { Q: reads, G: reads, D: reads, C: reads });
    });

    for (const device of ['nullb0', 'vda']) {
      test(`counts exactly the reads that fio makes on ${device}`, async () => {
        const { source, integrity, reads, sizes } = await record(guest, device, fio(device));
        assert.deepEqual(
          { kind: source.kind, protocol: source.protocol, issues: source.actions.D },
          { kind: 'relay', protocol, issues: READS },
        );
        assert.deepEqual(integrity.defects, []);
        assert.deepEqual([integrity.eventsDropped, integrity.sequenceGaps], [0, 0]);
        assert.equal(reads.count, READS);
        assert.equal(integrity.readSectorsTraced, READS * SECTORS_A_READ);
        assert.equal(integrity.readSectorsDiskstats, READS * SECTORS_A_READ);
        assert.deepEqual(sizes.read, { '4096': READS });
      });

      test(`agrees with blktrace and blkparse on ${device}`, async () => {
        assert.equal(await readsByBlktrace(guest, device), READS);
      });
    }
  });
}

async function record(guest: Guest, device: string, load: string, ...options: string[]): Promise<Summary> {
  const run = `/tmp/run-${device}${options.join('')}`;
  const out = await guest.output(
    `node /blkscope/dist/cli/main.js record -d ${device} --source relay --json -o ${run} ${options.join(' ')} -- ${load}`,
  );
  return JSON.parse(out) as Summary;
}

/** Completed reads of one 4 KiB block each. blktrace traces once its relay files are there. */
async function readsByBlktrace(guest: Guest, device: string): Promise<number> {
  const lines = await guest.output(`
    mkdir -p /tmp/blktrace && cd /tmp/blktrace && rm -f ${device}.*
    blktrace -d /dev/${device} -a issue -a complete -o ${device} > blktrace.log &
    tracer=$!
    until [ -e /sys/kernel/debug/block/${device}/trace0 ]; do sleep 0.05; done
    ${fio(device)}
    kill -INT $tracer
    wait $tracer
    blkparse -i ${device} -a complete -f '%a %d %n %e\\n' | grep -c '^C R[A-Z]* ${SECTORS_A_READ} 0$'`);
  return Number(lines);
}
