// Runs inside the guest: one fio load after the other, traced by one tracer or by none, in interleaved rounds.
// Prints a JSON array of measurements, one a round and variant. Arguments: variants, with ; between them, or '' for all;
// rounds; seconds of load.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { Tracer } = await import('/blkscope/dist/capture/tracer.js');
const [only, ...numbers] = process.argv.slice(-3);
const [rounds, seconds] = numbers.map(Number);
const device = 'nullb0'; // nullb1 is idle
const folder = '/tmp/bench'; // a tmpfs
const usual = { bytes: 512 << 10, count: 4 }; // blktrace's own, and blkscope's
const tiny = { bytes: 16 << 10, count: 2 };

/** Reads a second of the load. */
async function load() {
  await sleep(500); // until what a tracer's start leaves to do is done, Node's compiler included
  const fio = spawn('fio', [
    ...[
      '--name=load',
      `--filename=/dev/${device}`,
      '--rw=randread',
      '--bs=4k',
      '--direct=1',
      '--ioengine=libaio',
    ],
    ...['--iodepth=16', '--time_based', `--runtime=${seconds}`, '--gtod_reduce=1', '--output-format=json'],
  ]);
  let text = '';
  for await (const part of fio.stdout) text += part;
  const { iops, total_ios: ios } = JSON.parse(text).jobs[0].read;
  return { iops, ios };
}

async function blkscope(actions, { bytes, count }, traced = device) {
  // As `blkscope record` does it: events wait in the spool until the workload has ended.
  const tracer = Tracer.start({
    source: 'relay',
    devices: [traced],
    actions,
    bufferBytes: bytes,
    bufferCount: count,
  });
  const { iops } = await load();
  const summary = await tracer.summary();
  await tracer[Symbol.asyncDispose]();
  const { captureCpuNs, analysisCpuNs, kernelBufferBytes, spoolPeakBytes } = summary.tracer;
  return {
    iops,
    events: summary.eventsRead,
    dropped: summary.eventsDropped,
    cpuNsPerEvent: perEvent(captureCpuNs, summary),
    analysisNsPerEvent: perEvent(analysisCpuNs, summary),
    ramBytes: kernelBufferBytes + spoolPeakBytes,
  };
}

const perEvent = (ns, { eventsRead }) => (eventsRead === 0 ? null : ns / eventsRead);

/** CPU time of all threads so far, ns. */
function cpuNs(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce(
    (sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
    0,
  );
}

/** Now and then blktrace misses a SIGINT and waits for ever; it takes the next one. */
async function end(tracer) {
  const again = setInterval(() => tracer.kill('SIGINT'), 3000);
  tracer.kill('SIGINT');
  await once(tracer, 'exit');
  clearInterval(again);
}

/** Into files on a tmpfs, or through a pipe into blkparse. */
async function blktrace({ bytes, count }, { pipe = false } = {}) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const args = ['-d', `/dev/${device}`, '-b', `${bytes >> 10}`, '-n', `${count}`, '-o', pipe ? '-' : 'trace'];
  const tracer = spawn('blktrace', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const parser = pipe
    ? spawn('blkparse', ['-i', '-', '-o', '/dev/null'], { stdio: [tracer.stdout, 'ignore', 'ignore'] })
    : null;
  let told = '';
  for (const stream of pipe ? [tracer.stderr] : [tracer.stdout, tracer.stderr])
    stream.on('data', (part) => (told += part));
  while (!existsSync(`/sys/kernel/debug/block/${device}/trace0`)) await sleep(20);
  await sleep(100);
  const { iops, ios } = await load();
  const cpu = cpuNs(tracer.pid) + (parser ? cpuNs(parser.pid) : 0);
  await end(tracer);
  if (parser && parser.exitCode === null) await once(parser, 'exit');
  await sleep(100); // its last words
  const [, total, dropped] = /Total:\s+(\d+) events \(dropped (\d+)\)/.exec(told) ?? [];
  const events = Number(total ?? 4 * ios); // on a pipe blktrace tells no total: Q, G, D and C of each read
  const files = readdirSync(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
  return {
    iops,
    events,
    dropped: dropped === undefined ? null : Number(dropped),
    cpuNsPerEvent: cpu / events,
    analysisNsPerEvent: null,
    ramBytes: bytes * count * 2 + files,
  };
}

/** The trace is on and nobody reads it: what the kernel itself takes, which no reader can go below. */
async function kernelAlone(actions) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const buffers = ['-b', '16384', '-n', '4'];
  const mask = actions.flatMap((each) => ['-a', each]);
  const tracer = spawn('blktrace', ['-d', `/dev/${device}`, ...buffers, ...mask], {
    cwd: folder,
    stdio: 'ignore',
  });
  while (!existsSync(`/sys/kernel/debug/block/${device}/trace0`)) await sleep(20);
  await sleep(300);
  tracer.kill('SIGSTOP');
  const { iops } = await load();
  tracer.kill('SIGCONT');
  await end(tracer);
  return { iops };
}

const variants = {
  untraced: async () => ({ iops: (await load()).iops }),
  // What a tracer costs that has nothing to read.
  'blkscope on an idle device': () => blkscope('needed', usual, 'nullb1'),
  blkscope: () => blkscope('needed', usual),
  'kernel alone, the same actions': () => kernelAlone(['issue', 'complete', 'requeue']),
  'blkscope --actions all': () => blkscope('all', usual),
  'kernel alone, all actions': () => kernelAlone([]),
  'blktrace to tmpfs': () => blktrace(usual),
  'blktrace | blkparse': () => blktrace(usual, { pipe: true }),
  'blkscope --actions all, tiny buffers': () => blkscope('all', tiny),
  'blktrace to tmpfs, tiny buffers': () => blktrace(tiny),
};

const asked = only ? only.split(';') : Object.keys(variants);
for (const name of asked) if (!variants[name]) throw new Error(`${name}: no such variant`);

const measurements = [];
for (let round = 0; round < rounds; round++) {
  // Every other round backwards, so that no variant always follows the same one.
  const names = round % 2 ? asked.toReversed() : asked;
  for (const variant of names) {
    process.stderr.write(`${round} ${variant}\n`);
    measurements.push({ round, variant, ...(await variants[variant]()) });
  }
}
console.log(JSON.stringify(measurements));
process.exit(0);
