// Runs inside a guest: traces one situation after the other by the API and prints what each gave, as JSON.
// tests/vm/capture-scenarios.test.ts says what it should be. One process for all: node starts slowly there.
import { execSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { Tracer } = await import('/blkscope/dist/capture/tracer.js');
const { recover } = await import('/blkscope/dist/machine/recover.js');
const sh = (script) =>
  execSync(script, { shell: '/usr/bin/dash', stdio: ['ignore', 'pipe', 'pipe'] }).toString();
const read = (device, count, skip = 0) =>
  sh(`dd if=/dev/${device} of=/dev/null bs=4k count=${count} skip=${skip} iflag=direct`);

const mapperName = (name) => `dm-${sh(`dmsetup info -c --noheadings -o minor ${name}`).trim()}`;

async function trace(options, load) {
  const tracer = Tracer.start({ source: 'relay', deliver: false, ...options });
  await load();
  const summary = await tracer.summary();
  await tracer[Symbol.asyncDispose]();
  return summary;
}

/** The rows of a trace beside its summary. */
async function traceRows(options, load) {
  const tracer = Tracer.start({ source: 'relay', ...options });
  await load();
  tracer.stop();
  const rows = [];
  for await (const row of tracer.events()) rows.push(row);
  await tracer[Symbol.asyncDispose]();
  return rows;
}

const scenarios = {
  needed: () => trace({ devices: ['nullb0'] }, () => read('nullb0', 100)),
  all: () => trace({ devices: ['nullb0'], actions: 'all' }, () => read('nullb0', 100)),
  async scheduler() {
    sh('echo mq-deadline > /sys/block/nullb0/queue/scheduler');
    const summary = await trace({ devices: ['nullb0'], actions: 'all' }, () => read('nullb0', 100));
    sh('echo none > /sys/block/nullb0/queue/scheduler');
    return summary;
  },
  lba: () => trace({ devices: ['nullb0'], firstSector: 2048n, lastSector: 3071n }, () => read('nullb0', 512)),
  lbaFtrace: () =>
    trace({ source: 'ftrace', devices: ['nullb0'], firstSector: 2048n, lastSector: 3071n }, () =>
      read('nullb0', 512),
    ),
  async pid() {
    const reader = spawn('dash', [
      '-c',
      'read go; exec dd if=/dev/nullb0 of=/dev/null bs=4k count=50 iflag=direct',
    ]);
    return await trace({ devices: ['nullb0'], pid: reader.pid }, async () => {
      read('nullb0', 70);
      reader.stdin.end('go\n');
      await once(reader, 'exit');
    });
  },
  several: () =>
    trace({ devices: ['nullb0', 'vda'] }, () => {
      read('nullb0', 100);
      read('vda', 40);
    }),
  async partition() {
    const table = Buffer.alloc(512);
    table.writeUInt8(0x83, 446 + 4);
    table.writeUInt32LE(2048, 446 + 8);
    table.writeUInt32LE(65536, 446 + 12);
    table.writeUInt16LE(0xaa55, 510);
    const disk = openSync('/dev/vda', 'r+');
    writeSync(disk, table, 0, 512, 0);
    fsyncSync(disk);
    closeSync(disk);
    sh('blockdev --rereadpt /dev/vda; until [ -e /dev/vda1 ]; do sleep 0.1; done');
    return await trace({ devices: ['vda1'] }, () => {
      read('vda1', 60);
      read('vda', 30, 16384); // beyond the partition: another's
    });
  },
  async dmLinear() {
    sh('dmsetup create linear --table "0 65536 linear /dev/vda 4096"');
    const name = mapperName('linear');
    const summary = await trace({ devices: [name] }, () => read(name, 80));
    const remaps = await traceRows({ devices: [name, 'vda'], actions: 'all' }, () => read(name, 8));
    sh('dmsetup remove linear');
    return {
      ...summary,
      remapped: remaps.filter(({ action }) => action === 'remap').map(({ sector }) => Number(sector)),
    };
  },
  async loop() {
    sh('truncate -s 16M /tmp/loop.img');
    const name = sh('losetup -f --show /tmp/loop.img').trim().replace('/dev/', '');
    const summary = await trace({ devices: [name] }, () => read(name, 90));
    sh(`losetup -d /dev/${name}`);
    return summary;
  },
  discard: () =>
    trace({ devices: ['vda'] }, () =>
      sh('fio --name=t --filename=/dev/vda --rw=trim --bs=64k --size=640k --offset=64M --direct=1'),
    ),
  async flush() {
    const rows = await traceRows({ devices: ['vda'] }, () => {
      const disk = openSync('/dev/vda', 'r+');
      writeSync(disk, Buffer.alloc(4096, 1), 0, 4096, 100 << 20);
      fsyncSync(disk);
      closeSync(disk);
    });
    return {
      flushes: rows.filter((r) => r.action === 'complete' && r.direction === 'flush').map((r) => r.sectors),
    };
  },
  async dmError() {
    sh('dmsetup create bad --table "0 2048 error"');
    const name = mapperName('bad');
    const summary = await trace({ devices: [name] }, () =>
      sh(`dd if=/dev/${name} of=/dev/null bs=4k count=1 iflag=direct || true`),
    );
    sh('dmsetup remove bad');
    return summary;
  },
  async cgroup() {
    sh('echo 1 > /sys/kernel/tracing/options/blk_cgroup; mkdir -p /sys/fs/cgroup/tagged');
    const summary = await trace({ devices: ['nullb0'] }, () =>
      sh(
        'echo $$ > /sys/fs/cgroup/tagged/cgroup.procs; dd if=/dev/nullb0 of=/dev/null bs=4k count=100 iflag=direct; echo $$ > /sys/fs/cgroup/cgroup.procs',
      ),
    );
    sh('echo 0 > /sys/kernel/tracing/options/blk_cgroup; rmdir /sys/fs/cgroup/tagged');
    return summary;
  },
  async busy() {
    const blktrace = spawn('blktrace', ['-d', '/dev/nullb0', '-a', 'complete', '-o', 'foreign'], {
      stdio: 'ignore',
      cwd: '/tmp',
    });
    sh('until [ -e /sys/kernel/debug/block/nullb0/trace0 ]; do sleep 0.05; done');
    const failures = [];
    for (const source of ['relay', 'ftrace']) {
      try {
        Tracer.start({ source, devices: ['nullb0'] });
      } catch ({ code, message, exitCode }) {
        failures.push({ code, message, exitCode });
      }
    }
    read('nullb0', 100);
    blktrace.kill('SIGINT');
    await once(blktrace, 'exit');
    const foreign = Number(
      sh(`cd /tmp && blkparse -i foreign -a complete -f '%a %n %e\\n' | grep -c '^C 8 0$'`),
    );
    return { failures, foreign };
  },
  async vanished() {
    sh('mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config');
    const config = '/sys/kernel/config/nullb/brief';
    sh(`mkdir ${config} && echo 64 > ${config}/size`);
    const before = sh('ls /sys/block').split('\n');
    sh(`echo 1 > ${config}/power`);
    // Named after its folder on newer kernels, by its number on older ones.
    const name = sh('ls /sys/block')
      .split('\n')
      .find((each) => !before.includes(each));
    const summary = await trace({ devices: [name, 'nullb0'] }, () => {
      read(name, 100);
      sh(`sleep 0.3; echo 0 > ${config}/power`);
      read('nullb0', 50);
    });
    sh(`rmdir ${config}`);
    return summary;
  },
  async cpuOffline() {
    const summary = await trace({ devices: ['nullb0'] }, () => {
      sh('taskset 2 dd if=/dev/nullb0 of=/dev/null bs=4k count=100 iflag=direct');
      writeFileSync('/sys/devices/system/cpu/cpu1/online', '0');
      read('nullb0', 50);
      writeFileSync('/sys/devices/system/cpu/cpu1/online', '1');
    });
    return summary;
  },
  cpuOnline: () => onLateCpu('relay'),
  cpuOnlineFtrace: () => onLateCpu('ftrace'),
  async twoByFtrace() {
    const settings = () => sh('cd /sys/kernel/tracing && cat current_tracer buffer_size_kb trace_clock');
    const before = settings();
    let second = {};
    const summary = await trace({ source: 'ftrace', devices: ['nullb0'] }, () => {
      const during = settings();
      try {
        Tracer.start({ source: 'ftrace', devices: ['vda'] });
      } catch ({ code, message, exitCode }) {
        second = { code, message, exitCode };
      }
      recover();
      if (settings() !== during) throw new Error('the settings of the first session were undone');
      read('nullb0', 100);
    });
    return { ...summary, failures: [second], settingsKept: settings() === before };
  },
};

/** Reads on a processor that comes online after the start. */
async function onLateCpu(source) {
  writeFileSync('/sys/devices/system/cpu/cpu1/online', '0');
  return await trace({ source, devices: ['nullb0'] }, () => {
    read('nullb0', 50);
    writeFileSync('/sys/devices/system/cpu/cpu1/online', '1');
    sh('taskset 2 dd if=/dev/nullb0 of=/dev/null bs=4k count=2000 iflag=direct');
  });
}

/** A session killed at a random moment of its life: being set up, tracing, ending. */
async function killSession() {
  const session = spawn('node', ['--input-type=module', '-e', victim], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(session.stdout, 'data');
  await sleep(Math.random() * 400);
  session.kill('SIGKILL');
  await once(session, 'exit');
}

const victim = `const { Tracer } = await import('/blkscope/dist/capture/tracer.js');
  process.stdout.write('go');
  const tracer = Tracer.start({ source: 'relay', deliver: false, devices: ['nullb0'] });
  setTimeout(() => tracer.stop(), 300);
  setTimeout(() => {}, 1000);`;

if (process.argv.includes('kill')) {
  scenarios.killed = async () => {
    let left = 0;
    for (let i = 0; i < 20; i++) {
      await killSession();
      left += existsSync('/sys/kernel/debug/block/nullb0/trace0') ? 1 : 0;
      recover();
      if (existsSync('/sys/kernel/debug/block/nullb0/trace0'))
        throw new Error(`kill ${i}: the trace is still there`);
      if (readdirSync('/run/blkscope').length > 0) throw new Error(`kill ${i}: a journal is still there`);
    }
    return { ...(await trace({ devices: ['nullb0'] }, () => read('nullb0', 100))), tracesLeftByKills: left };
  };
}

const results = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  try {
    results[name] = await scenario();
  } catch (error) {
    results[name] = { failed: `${error.message} ${error.stderr ?? ''}` };
  }
  results[name].tracesLeft = sh('ls -d /sys/kernel/debug/block/*/trace0 2>/dev/null || true').trim();
}
console.log(JSON.stringify(results, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
process.exit(0);
