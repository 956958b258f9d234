// Devices that lie on one another, or tell of their I/Os in their own way: each I/O is counted once, whatever the kernel
// tells of it and where. The guest runs all of it in one process (device-scenarios.mjs).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test as nodeTest } from 'node:test';
import { bootGuest, type Guest } from './guest.js';

interface Outcome {
  failed?: string;
  source: string;
  reason: string;
  actions: Record<string, number>;
  reads: { count: number; bytes: number };
  writes: { count: number; bytes: number };
  requests: { matched: number; unmatched: number; open: number; requeues: number; passthrough: number };
  gaps: { device: Record<string, number> };
  latency: { q2c: { count: number; mean: number; max: number } | null };
  defects: { code: string }[];
  readSectorsTraced: number;
  readSectorsDiskstats: number;
  writeSectorsTraced: number;
  writeSectorsDiskstats: number;
  devices: { layered: boolean; reads: { count: number } }[];
}
interface Refusal {
  code: string;
  message: string;
  exitCode: number;
}
const script = readFileSync(new URL('device-scenarios.mjs', import.meta.url));

/** What is tried on each kernel; left out: all. 6.12 is the long-term kernel in between: where the others differ it is asked. */
const scenarios: { kernel: '6.1' | '6.12' | '7.3'; only?: string[] }[] = [
  { kernel: '6.1' },
  {
    kernel: '6.12',
    only: ['multipathOnePath', 'multipathTwoPaths', 'twoHeads', 'bcache', 'mapped', 'striped'],
  },
  { kernel: '7.3' },
];

/** What a test asks for was not tried. */
class NotTried extends Error {}

/** A test of scenarios that may not be tried on this kernel. */
function test(title: string, run: () => void): void {
  nodeTest(title, (context) => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof NotTried)) throw error;
      context.skip(error.message);
    }
  });
}

for (const { kernel, only } of scenarios) {
  describe(`devices on kernel ${kernel}`, { timeout: 300_000 }, () => {
    let guest: Guest;
    let outcomes: Record<string, unknown>;
    before(async () => {
      guest = await bootGuest({
        kernel,
        // One disk with two namespaces, which two controllers share: two multipath heads of two paths each.
        devices: [
          'nvme-subsys,id=both',
          'nvme,id=one,subsys=both,serial=a',
          'nvme,id=two,subsys=both,serial=a',
        ],
        disks: [
          ...[1, 2].map((id) => ({ sizeMiB: 64, device: `nvme-ns,bus=one,nsid=${id},shared=on` })),
          ...Array.from({ length: 5 }, () => ({ sizeMiB: 64 })),
        ],
        modules: ['nvme', 'bcache', 'raid0', 'mq-deadline'],
      });
      const options = { input: script, timeoutMs: 150_000 };
      const names = (only ?? []).join(' ');
      outcomes = JSON.parse(await guest.output(`node --input-type=module - ${names}`, options));
    });
    after(async () => await guest[Symbol.asyncDispose]());

    const told = <T = Outcome>(name: string): T => {
      if (only && !only.includes(name)) throw new NotTried(`${name} is not tried on this kernel`);
      const found = outcomes[name] as T & { failed?: string };
      assert.equal(found.failed, undefined);
      return found;
    };
    /** As many reads as were made, each with a completion, and as many sectors as the disk counted. */
    const whole = (outcome: Outcome, reads: number, sectors = reads * 8): Outcome => {
      assert.deepEqual(
        outcome.defects.filter(({ code }) => code !== 'NO_RECORDS'),
        [],
      );
      assert.equal(outcome.reads.count, reads);
      assert.equal(outcome.readSectorsTraced, sectors);
      assert.equal(outcome.readSectorsDiskstats, sectors);
      assert.deepEqual([outcome.requests.open, outcome.requests.unmatched], [0, 0]);
      return outcome;
    };

    /** Of a stack that is traced with what it lies on: which devices lie on others, and the reads of each. */
    const stacked = ({ devices, reads, readSectorsTraced, readSectorsDiskstats }: Outcome) => ({
      reads: reads.count,
      sectors: [readSectorsTraced, readSectorsDiskstats],
      devices: devices.map((device) => [device.layered, device.reads.count]),
    });

    test('NVMe multipath: what the paths complete is read from their head, once', () => {
      const onePath = whole(told('multipathOnePath'), 100);
      assert.deepEqual(onePath.actions, { D: 100, C: 100 });
      assert.equal(onePath.source, 'ftrace');
      assert.match(onePath.reason, /relay was refused: .* path of NVMe multipath/);
      const { actions, latency, used } = told<Outcome & { used: number[] }>('multipathTwoPaths');
      whole(told('multipathTwoPaths'), 100);
      assert.deepEqual(used, [50, 50]);
      assert.deepEqual([actions.Q, actions.D, actions.C], [100, 100, 100]);
      assert.equal(latency.q2c?.count, 100);
      whole(told('twoHeads'), 100);
    });

    test('NVMe multipath: with schedulers of the paths, merges and splits', () => {
      whole(told('multipathScheduler'), 100);
      const { actions, reads } = told('multipathMerged');
      whole(told('multipathMerged'), reads.count, 160 * 8);
      assert.ok((actions.M ?? 0) > 0 && reads.count < 160, JSON.stringify(actions));
      // How a bio is split goes by the places of its pages.
      const { count } = told('multipathSplit').reads;
      assert.ok(whole(told('multipathSplit'), count, 8 * 2048).reads.count >= 16);
    });

    test('NVMe multipath by relay is refused in one line, since it cannot reach the paths', () => {
      const { code, message, exitCode } = told<Refusal>('multipathRelay');
      assert.deepEqual([code, exitCode], ['HIDDEN_PATHS', 2]);
      assert.match(message, /^[^\n]*use --source ftrace$/);
    });

    test('bcache: one read is one, from the cache or from the disk', () => {
      const { state, misses, hits, both, written, alone } = told<Record<string, Outcome> & { state: string }>(
        'bcache',
      );
      assert.equal(state, 'clean');
      for (const outcome of [misses, hits, alone] as Outcome[]) {
        assert.deepEqual(whole(outcome, 100).actions, { Q: 100, C: 100 });
        assert.equal(outcome.latency.q2c?.count, 100);
      }
      // Traced with the disk below, each device has its reads, and the sum has those of the disk.
      const devices = [
        [true, 100],
        [false, 100],
      ];
      assert.deepEqual(stacked(both as Outcome), { reads: 100, sectors: [800, 800], devices });
      assert.deepEqual([written?.writes.count, written?.writes.bytes], [50, 50 * 4096]);
    });

    test('a driver that takes from the bio what it has read', () => {
      const { reads, requests } = told('ramDisk');
      assert.deepEqual([reads.count, reads.bytes], [100, 409_600]);
      assert.deepEqual([requests.open, requests.unmatched], [0, 0]);
    });

    test('device mapper: what lies on several disks completes in pieces, each counted once', () => {
      const { stripes, segments } = told<{ stripes: Outcome; segments: Outcome }>('mapped');
      for (const outcome of [
        whole(stripes, stripes.reads.count, 4 * 16 * 2048),
        whole(segments, segments.reads.count, 20 * 512),
      ])
        assert.ok((outcome.latency.q2c?.max ?? 0) < 1e9, JSON.stringify(outcome.latency.q2c));
    });

    test('md RAID0: pieces that complete in any order are matched, under the default actions', () => {
      const striped = whole(told('striped'), 1024, 4 * 16 * 2048);
      assert.equal(striped.actions.X, 768);
      assert.ok((striped.latency.q2c?.max ?? 0) < 1e9, JSON.stringify(striped.latency.q2c));
      const { layers } = told<Outcome & { layers: Outcome }>('striped');
      const devices = [
        [true, 64],
        [false, 32],
        [false, 32],
      ];
      assert.deepEqual(stacked(layers), { reads: 64, sectors: [512, 512], devices });
    });

    test('passthrough commands are counted apart, and are no reads', () => {
      const { requests } = whole(told('passthrough'), 10);
      // The five reads of 64 KiB, and what sg_dd asks the disk about itself.
      assert.ok(requests.passthrough >= 5, JSON.stringify(requests));
    });

    test('gaps are the reads less one, however often the driver gave them back', () => {
      const { requests, gaps, actions } = whole(told('requeued'), 200);
      // Most of what the kernel tells as given back never became an issue: the host was busy before.
      assert.ok(requests.requeues > 0 && actions.D === 200 + requests.requeues, JSON.stringify(actions));
      assert.deepEqual(gaps.device, { sequential: 199, small: 0, medium: 0, large: 0, backward: 0 });
    });

    test('zone appends complete once, and as many sectors are written as the disk counts', () => {
      const { defects, requests, writes, actions, ...sectors } = told('zoneAppend');
      assert.deepEqual(
        defects.filter(({ code }) => code !== 'NO_RECORDS'),
        [],
      );
      assert.ok(writes.bytes >= 64 * 65_536, JSON.stringify(writes));
      assert.equal(sectors.writeSectorsTraced, sectors.writeSectorsDiskstats);
      assert.equal(writes.bytes, 512 * sectors.writeSectorsTraced);
      assert.deepEqual([requests.open, requests.unmatched], [0, 0], JSON.stringify({ requests, actions }));
    });

    test('a name with a slash', () => {
      whole(told('slashInName'), 20);
    });

    test('a file on the realtime device of its XFS is not mapped to the other', () => {
      const { code, message } = told<Refusal>('realtime');
      assert.equal(code, 'NO_EXTENTS');
      assert.match(message, /realtime device/);
    });

    test('devices are named as the kernel, udev and device mapper name them', () => {
      const { found, head } = told<{ found: Record<string, string>; head: string }>('names');
      for (const name of ['vde', '/dev/vde', '/dev/disk/by-id/virtio-e', 'virtio-e', '/tmp/link'])
        assert.equal(found[name], 'vde', name);
      for (const name of ['/dev/mapper/vg--a-root', 'vg--a-root', '/dev/vg-a/root', 'vg-a/root'])
        assert.equal(found[name], 'dm-N', name);
      for (const name of ['vg-a/root', '/dev/vg-a/root'])
        assert.equal(found[`without links: ${name}`], 'dm-N', name);
      for (const name of ['', ' ', 'vdx', '.', '/tmp/file'])
        assert.match(found[name] ?? '', /^NO_DEVICE 2 device '[^\n]*$/, name);
      assert.match(found[''] ?? '', /an empty name/);
      assert.match(found['/tmp/file'] ?? '', /--file/);
      const path = Object.keys(found).find((name) => name.startsWith('nvme')) ?? '';
      assert.match(found[path] ?? '', new RegExp(`a hidden path of ${head}: name ${head}`));
    });

    test('a trace whose blktrace was killed is told with what ends it, and that ends it', () => {
      const { failures } = told<{ failures: Refusal[] }>('stale');
      for (const { code, message, exitCode } of failures) {
        assert.deepEqual([code, exitCode], ['TRACER_BUSY', 4]);
        assert.match(message, /^vde is being traced already[^\n]*'echo 0 > [^']*'$/);
      }
      whole(told('stale'), 30);
    });
  });
}
