// Runs inside a guest: traces devices that lie on one another, or tell of their I/Os in their own way, and prints what
// each gave, as JSON. tests/vm/devices.test.ts says what it should be. One process for all: node starts slowly there.
import { execSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';

const { Tracer } = await import('/blkscope/dist/capture/tracer.js');
const { mapFile } = await import('/blkscope/dist/map/file-map.js');
const { requireDevice } = await import('/blkscope/dist/machine/device-name.js');
const sh = (script) =>
  execSync(script, { shell: '/usr/bin/dash', stdio: ['ignore', 'pipe', 'pipe'] }).toString();
const read = (device, count, skip = 0, options = 'iflag=direct') =>
  sh(`dd if=/dev/${device} of=/dev/null bs=4k count=${count} skip=${skip} ${options}`);

async function trace(options, load) {
  const tracer = Tracer.start({ deliver: false, ...options });
  const { source, reason } = tracer.info;
  await load();
  const summary = await tracer.summary();
  await tracer[Symbol.asyncDispose]();
  return { ...summary, source, reason };
}

/** What starting a trace is refused with. */
function refusal(options) {
  try {
    Tracer.start(options);
  } catch ({ code, message, exitCode }) {
    return { code, message, exitCode };
  }
  throw new Error('it was not refused');
}

const [head, otherHead] = readdirSync('/sys/block').filter((name) => /^nvme\d+n\d+$/.test(name));
const paths = readdirSync('/sys/block').filter((name) => /^nvme\d+c\d+n1$/.test(name));
const policy = (name) => sh(`echo ${name} | tee /sys/class/nvme-subsystem/nvme-subsys*/iopolicy`);
const scheduler = (name) => {
  for (const path of paths) writeFileSync(`/sys/block/${path}/queue/scheduler`, name);
};
const pathsUsed = () => paths.map((path) => Number(sh(`awk '{print $1}' /sys/block/${path}/stat`)));
/** sda, and sg0, which passes commands through to it. */
const scsiDisk = () => {
  sh('modprobe scsi_debug dev_size_mb=16 && modprobe sd_mod && modprobe sg');
  sh('until [ -e /dev/sda ] && [ -e /dev/sg0 ]; do sleep 0.1; done');
};
/** Neighbours asked for together: the scheduler of each path makes fewer requests of them. */
const together = (device, count) =>
  sh(`fio --name=t --filename=/dev/${device} --rw=read --bs=4k --direct=1 --ioengine=libaio --iodepth=16 \
    --iodepth_batch=16 --iodepth_batch_complete=16 --number_ios=${count} --offset=8M`);
/** Reads of two stripes and more, several at a time, and all of it again: its pieces complete in any order. */
const striped = (device) =>
  sh(`fio --name=t --filename=/dev/${device} --rw=randread --bs=256k --direct=1 --ioengine=libaio --iodepth=8 \
    --size=16M --loops=4`);

const scenarios = {
  multipathOnePath() {
    policy('numa');
    return trace({ devices: [head] }, () => read(head, 100, 100));
  },
  async multipathTwoPaths() {
    policy('round-robin');
    const before = pathsUsed();
    const summary = await trace({ devices: [head], actions: 'all' }, () => read(head, 100, 1000));
    const used = pathsUsed().map((count, i) => count - before[i]);
    return { ...summary, used };
  },
  async multipathMerged() {
    policy('numa');
    const summary = await trace({ devices: [head], actions: 'all' }, () => together(head, 160));
    return summary;
  },
  async multipathScheduler() {
    scheduler('mq-deadline');
    const summary = await trace({ devices: [head], actions: 'all' }, () => read(head, 100, 2000));
    scheduler('none');
    return summary;
  },
  multipathSplit: () =>
    trace({ devices: [head], actions: 'all' }, () =>
      sh(`dd if=/dev/${head} of=/dev/null bs=1M count=8 skip=4 iflag=direct`),
    ),
  twoHeads: () =>
    trace({ devices: [head, otherHead] }, () => {
      read(head, 60, 3000);
      read(otherHead, 40);
    }),
  multipathRelay: () => refusal({ source: 'relay', devices: [head] }),
  async bcache() {
    sh(`make-bcache --bucket 64k -C /dev/vdb -B /dev/vda
      for disk in vda vdb; do [ -e /sys/block/$disk/bcache ] || { echo /dev/$disk > /sys/fs/bcache/register; } 2>/dev/null; done
      until [ -e /sys/block/bcache0 ]; do sleep 0.1; done
      [ "$(cat /sys/block/bcache0/bcache/state)" != 'no cache' ] || ls /sys/fs/bcache | grep -- - > /sys/block/bcache0/bcache/attach
      echo 0 > /sys/block/bcache0/bcache/sequential_cutoff`);
    const state = sh('cat /sys/block/bcache0/bcache/state').trim();
    const misses = await trace({ devices: ['bcache0'] }, () => read('bcache0', 100, 500));
    const hits = await trace({ devices: ['bcache0'] }, () => read('bcache0', 100, 500));
    const both = await trace({ devices: ['bcache0', 'vda'] }, () => read('bcache0', 100, 2500));
    const written = await trace({ devices: ['bcache0'] }, () =>
      sh('dd if=/dev/zero of=/dev/bcache0 bs=4k count=50 seek=500 oflag=direct'),
    );
    sh(
      'echo 1 > /sys/block/bcache0/bcache/detach; until grep -q "no cache" /sys/block/bcache0/bcache/state; do sleep 0.1; done',
    );
    const alone = await trace({ devices: ['bcache0'] }, () => read('bcache0', 100, 500));
    return { state, misses, hits, both, written, alone };
  },
  ramDisk() {
    sh('modprobe brd rd_nr=1 rd_size=16384');
    return trace({ devices: ['ram0'] }, () => read('ram0', 100));
  },
  async mapped() {
    const mapper = (name, table) => {
      sh(`modprobe dm-mod; printf '${table}' | dmsetup create ${name}`);
      return `dm-${sh(`dmsetup info -c --noheadings -o minor ${name}`).trim()}`;
    };
    const stripes = mapper('stripes', '0 65536 striped 2 128 /dev/vdc 0 /dev/vdd 0');
    const segments = mapper('segments', '0 3000 linear /dev/vdc 65536\\n3000 62536 linear /dev/vdd 65536');
    const outcomes = {
      stripes: await trace({ devices: [stripes] }, () => striped(stripes)),
      // Of these reads of 256 KiB one lies over the end of the first segment.
      segments: await trace({ devices: [segments] }, () =>
        sh(`dd if=/dev/${segments} of=/dev/null bs=256k count=20 iflag=direct`),
      ),
    };
    sh('dmsetup remove stripes; dmsetup remove segments');
    return outcomes;
  },
  async striped() {
    sh('mdadm --create /dev/md0 --run --level=0 --chunk=64 --raid-devices=2 /dev/vdc /dev/vdd');
    const summary = await trace({ devices: ['md0'] }, () => striped('md0'));
    const layers = await trace({ devices: ['md0', 'vdc', 'vdd'] }, () => read('md0', 64));
    return { ...summary, layers };
  },
  async passthrough() {
    scsiDisk();
    return await trace({ devices: ['sda'] }, () => {
      read('sda', 10);
      sh('sg_dd if=/dev/sg0 of=/dev/null bs=512 bpt=128 count=640');
    });
  },
  async requeued() {
    scsiDisk();
    // The driver says of every third command that its host is busy.
    const busy = (opts, nth) =>
      sh(`cd /sys/bus/pseudo/drivers/scsi_debug; echo ${opts} > opts; echo ${nth} > every_nth`);
    busy('0x8000', 3);
    const summary = await trace({ devices: ['sda'] }, () => read('sda', 200));
    busy(0, 0);
    return summary;
  },
  async zoneAppend() {
    sh('modprobe null_blk nr_devices=1 zoned=1 zone_size=4 gb=1 memory_backed=1 && modprobe btrfs');
    sh('mkfs.btrfs -q -d single -m single /dev/nullb0 && mount /dev/nullb0 /mnt');
    const summary = await trace({ devices: ['nullb0'], actions: 'all' }, () =>
      sh('dd if=/dev/urandom of=/mnt/file bs=64k count=64 && sync /mnt/file'),
    );
    sh('umount /mnt');
    return summary;
  },
  async slashInName() {
    const config = '/sys/kernel/config/nullb/cciss!c0d0';
    sh(`mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
      modprobe null_blk nr_devices=0; mkdir '${config}' && echo 64 > '${config}/size' && echo 1 > '${config}/power'`);
    if (!existsSync('/sys/block/cciss!c0d0')) return {};
    const summary = await trace({ devices: ['cciss!c0d0'], source: 'relay' }, () => read('cciss/c0d0', 20));
    return summary;
  },
  async realtime() {
    // mkfs.xfs makes none below 300 MiB.
    sh(`modprobe -a loop xfs && truncate -s 320M /tmp/data && truncate -s 32M /tmp/realtime
      losetup /dev/loop0 /tmp/data && losetup /dev/loop1 /tmp/realtime
      mkfs.xfs -q -d rtinherit=1 -r rtdev=/dev/loop1 /dev/loop0 && mount -t xfs -o rtdev=/dev/loop1 /dev/loop0 /mnt
      dd if=/dev/zero of=/mnt/file bs=1M count=4 && sync`);
    const { code, message } = await mapFile('/mnt/file').catch((error) => error);
    sh('umount /mnt && losetup -d /dev/loop0 && losetup -d /dev/loop1 && rm /tmp/data /tmp/realtime');
    return { code, message };
  },
  async names() {
    sh(`modprobe dm-mod; dmsetup create vg--a-root --table '0 2048 linear /dev/vde 0'
      mkdir -p /dev/disk/by-id /dev/vg-a && ln -s ../../vde /dev/disk/by-id/virtio-e && ln -s ../mapper/vg--a-root /dev/vg-a/root
      ln -s /dev/vde /tmp/link && : > /tmp/file`);
    const minor = sh('dmsetup info -c --noheadings -o minor vg--a-root').trim();
    const named = (name) => {
      try {
        return requireDevice(name).replace(`dm-${minor}`, 'dm-N');
      } catch ({ code, message, exitCode }) {
        return `${code} ${exitCode} ${message}`;
      }
    };
    const asked = [
      'vde',
      '/dev/vde',
      '/dev/disk/by-id/virtio-e',
      'virtio-e',
      '/tmp/link',
      '/dev/mapper/vg--a-root',
    ];
    const names = [
      ...asked,
      'vg--a-root',
      '/dev/vg-a/root',
      'vg-a/root',
      '',
      ' ',
      '/tmp/file',
      'vdx',
      '.',
      paths[0],
    ];
    const found = Object.fromEntries(names.map((name) => [name, named(name)]));
    sh('rm -r /dev/vg-a'); // as where udev made no links
    found['without links: vg-a/root'] = named('vg-a/root');
    found['without links: /dev/vg-a/root'] = named('/dev/vg-a/root');
    sh('dmsetup remove vg--a-root');
    return { found, head };
  },
  async stale() {
    sh(`cd /tmp; blktrace -d /dev/vde -o stale > /tmp/stale.log 2>&1 & pid=$!
      until [ -e /sys/kernel/debug/block/vde/trace0 ]; do sleep 0.05; done; sleep 0.3; kill -KILL $pid; wait $pid || true`);
    const failures = [
      refusal({ source: 'relay', devices: ['vde'] }),
      refusal({ source: 'ftrace', devices: ['vde'] }),
    ];
    const told = /'(echo [^']+)'/.exec(failures[0].message)?.[1] ?? 'false';
    sh(told);
    return { failures, ...(await trace({ source: 'relay', devices: ['vde'] }, () => read('vde', 30))) };
  },
};

const only = process.argv.slice(2);
const results = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  if (only.length > 0 && !only.includes(name)) continue;
  try {
    results[name] = await scenario();
  } catch (error) {
    results[name] = { failed: `${error.message} ${error.stderr ?? ''}` };
  }
}
console.log(JSON.stringify(results, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
process.exit(0);
