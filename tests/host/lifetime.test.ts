// Programs of others that hold a tracer: however they end, the machine is as it was, and what is over ends by itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Tracer } from '../../src/capture/tracer.js';
import type { Finding } from '../../src/doctor/diagnose.js';
import { recover } from '../../src/machine/recover.js';
import { blkscope } from './command-line.js';
import { loopDevice } from './loop-device.js';
import { machineState, mountedTracefs } from './machine-state.js';

const api = fileURLToPath(new URL('../../dist/api/capture.js', import.meta.url));
// A test that fails must not have the next ones fail with it.
afterEach(() => recover());

interface Ended {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** Runs a program that has `start()`, which starts a tracer on a loop device; `act` once it has printed `started`, `over` when it has ended. */
async function program(
  body: string,
  act: (child: ReturnType<typeof spawn>) => Promise<void> = async () => {},
  over: () => Promise<void> = async () => {},
): Promise<Ended> {
  using loop = loopDevice(64);
  using _ = mountedTracefs();
  const clean = machineState();
  const text = `
    import { Tracer } from ${JSON.stringify(api)};
    import { setTimeout as sleep } from 'node:timers/promises';
    import { readFileSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const start = (more = {}) => {
      const tracer = Tracer.start({ devices: ['/dev/${loop.name}'], source: 'ftrace', ...more });
      console.log('started');
      return tracer;
    };
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const started = new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      output += data;
      if (output.includes('started')) resolve();
    });
    child.on('exit', () => resolve());
  });
  child.stderr.on('data', (data: Buffer) => {
    output += data;
  });
  const ended = once(child, 'close');
  await started;
  await act(child);
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [exitCode, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  clearTimeout(tooLong);
  await over();
  assert.deepEqual(machineState(), clean, output);
  return { exitCode, signal, output };
}

describe('however a program ends that traces, all is put back', () => {
  const endings: [name: string, exitCode: number | null, body: string][] = [
    ['process.exit()', 3, 'start(); process.exit(3);'],
    ['process.exit() later', 3, 'start(); setTimeout(() => process.exit(3), 300);'],
    ['process.exit() in the loop', 4, 'for await (const _ of reading(start())) process.exit(4);'],
    ['an error that nobody catches', 1, 'start(); throw new Error("one of theirs");'],
    ['an error in the loop', 1, 'for await (const _ of reading(start())) throw new Error("one of theirs");'],
    [
      'a rejection that nobody handles',
      1,
      'start(); Promise.reject(new Error("one of theirs")); await sleep(5000);',
    ],
    [
      'an error in a handler of exit',
      null,
      'process.on("exit", () => { throw new Error("theirs"); }); start(); process.exit(0);',
    ],
    ['the end of a worker thread', 0, `${inWorker('start(); process.exit(0);')} await once(worker, 'exit');`],
    [
      'the termination of a worker thread',
      0,
      `${inWorker('start();')} await once(worker, 'message'); await worker.terminate();`,
    ],
    [
      'process.exit() while a worker thread traces',
      5,
      `${inWorker('start();')} await once(worker, 'message'); process.exit(5);`,
    ],
  ];
  for (const [name, exitCode, body] of endings) {
    test(name, async () => {
      const ended = await program(`${reading}\n${body}`);
      assert.equal(ended.signal, null, ended.output);
      if (exitCode !== null) assert.equal(ended.exitCode, exitCode, ended.output);
      assert.match(ended.output, /started/);
    });
  }
});

/** Batches come when somebody reads. */
const reading = `
  import { once } from 'node:events';
  import { execFile } from 'node:child_process';
  function reading(tracer) {
    execFile('dd', ['if=/dev/' + tracer.devices[0].name, 'of=/dev/null', 'bs=1M', 'count=8', 'iflag=direct']);
    return tracer;
  }`;

function inWorker(body: string): string {
  const text = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.api).then(({ Tracer }) => {
      const start = () => {
        const tracer = Tracer.start({ devices: [workerData.device], source: 'ftrace' });
        parentPort.postMessage('started');
        return tracer;
      };
      ${body}
    });`;
  return `
    const device = start.toString().match(/\\/dev\\/loop\\d+/)[0];
    const worker = new Worker(${JSON.stringify(text)}, { eval: true, execArgv: [], workerData: { api: ${JSON.stringify(api)}, device } });
    worker.on('message', (text) => console.log(text));`;
}

describe('signals', () => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    for (const delayMs of [0, 30, 400]) {
      test(`${signal} ${delayMs} ms after the start: put back, and ended by it`, async () => {
        const ended = await program('start(); await sleep(10_000);', async (child) => {
          await sleep(delayMs);
          child.kill(signal);
        });
        assert.equal(ended.signal, signal, ended.output);
      });
    }
  }

  test('at any moment of the start', async () => {
    using loop = loopDevice(64);
    using _ = mountedTracefs();
    const clean = machineState();
    for (const delayMs of [150, 200, 250, 300, 350, 400, 450, 500]) {
      const text = `import { Tracer } from ${JSON.stringify(api)};
        for (;;) { Tracer.start({ devices: ['${loop.name}'], source: 'ftrace' }).close(); await new Promise(setImmediate); }`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: 'ignore' });
      await sleep(delayMs);
      child.kill('SIGTERM');
      const [, signal] = await once(child, 'exit');
      assert.equal(signal, 'SIGTERM');
      assert.deepEqual(machineState(), clean, `${delayMs} ms`);
    }
  });

  test('in a program that computes and comes back to its event loop late', async () => {
    const busy =
      'start(); for (let i = 0; i < 20; i++) { const until = Date.now() + 100; while (Date.now() < until); await sleep(1); } await sleep(10_000);';
    const ended = await program(busy, async (child) => void child.kill('SIGINT'));
    assert.equal(ended.signal, 'SIGINT', ended.output);
  });

  test('while a worker thread traces', async () => {
    const body = `${reading} ${inWorker('start();')} await once(worker, 'message'); await sleep(10_000);`;
    const ended = await program(body, async (child) => void child.kill('SIGTERM'));
    assert.equal(ended.signal, 'SIGTERM', ended.output);
  });

  test("a program's own listener has them to itself, and the exit puts back", async () => {
    const body = `
      process.on('SIGTERM', () => { console.log('enabled', readFileSync('/sys/block/' + tracer.devices[0].name + '/trace/enable', 'utf8').trim()); process.exit(7); });
      const tracer = start();
      await sleep(10_000);`;
    const ended = await program(body, async (child) => void child.kill('SIGTERM'));
    assert.equal(ended.exitCode, 7, ended.output);
    assert.match(ended.output, /enabled 1/);
  });

  test('a listener that listens once has one signal, and the next ends the program', async () => {
    const body = `const tracer = start(); process.once('SIGINT', () => console.log('theirs')); await sleep(10_000);`;
    const ended = await program(body, async (child) => {
      await sleep(200);
      child.kill('SIGINT');
      await sleep(300);
      assert.equal(child.exitCode, null);
      child.kill('SIGINT');
    });
    assert.equal(ended.signal, 'SIGINT');
    assert.match(ended.output, /theirs/);
  });

  test('where they are not wanted, doctor names the dead session, and recover undoes it', async () => {
    const deadSession = async () => {
      const { stdout } = await blkscope(['doctor', '--json']);
      return (JSON.parse(stdout) as Finding[]).find(({ name }) => name === 'dead session');
    };
    const ended = await program(
      'start({ undoOnSignals: false }); await sleep(10_000);',
      async (child) => void child.kill('SIGTERM'),
      async () => {
        const found = await deadSession();
        assert.match(found?.detail ?? '', /^process \d+ ended without putting back .*current_tracer = nop/);
        assert.match(found?.mend ?? '', /blkscope recover/);
        assert.ok(recover().undone.length > 0);
        assert.equal(await deadSession(), undefined);
      },
    );
    assert.equal(ended.signal, 'SIGTERM');
  });
});

describe('a program ends by itself', () => {
  const overs: [name: string, body: string][] = [
    ['after stop()', 'start().stop();'],
    ['after stop() later', 'const tracer = start(); setTimeout(() => tracer.stop(), 200);'],
    [
      'after stop() twice and close() twice',
      'const t = start(); t.stop(); t.stop(); t.close(); t.close(); t.stop();',
    ],
    ['after summary()', 'console.log((await start().summary()).eventsRead);'],
    [
      'after the end of the loop',
      'const t = start(); setTimeout(() => t.stop(), 200); for await (const _ of t);',
    ],
    ['after a break', 'for await (const _ of reading(start())) break;'],
    ['after close() in the loop', 'const t = start(); for await (const _ of reading(t)) t.close();'],
    ['after stop() in the loop', 'const t = start(); for await (const _ of reading(t)) t.stop();'],
    ['after an abort', 'for await (const _ of start({ signal: AbortSignal.timeout(200) }));'],
    ['after progress()', 'for await (const _ of start({ signal: AbortSignal.timeout(300) }).progress(50));'],
    [
      'after a second loop',
      'const t = start(); t.stop(); for await (const _ of t); for await (const _ of t) throw 1; console.log((await t.summary()).eventsRead, (await t.summary()).eventsRead);',
    ],
    ['after `await using`', '{ const t = start(); await t[Symbol.asyncDispose](); t[Symbol.dispose](); }'],
    ['with a tracer that nobody holds', 'start().stop(); globalThis.gc?.();'],
    [
      'after two tracers, one refused',
      'const t = start(); let code; try { start(); } catch (error) { ({ code } = error); } t.close(); if (code !== "TRACER_BUSY") throw new Error(code);',
    ],
  ];
  for (const [name, body] of overs) {
    test(name, async () => {
      const ended = await program(`${reading}\n${body}`);
      assert.deepEqual([ended.exitCode, ended.signal], [0, null], ended.output);
    });
  }

  test('a trace that goes on keeps it alive', async () => {
    const ended = await program('start();', async (child) => {
      await sleep(1000);
      assert.equal(child.exitCode, null);
      child.kill('SIGTERM');
    });
    assert.equal(ended.signal, 'SIGTERM');
  });
});

describe('options that are wrong leave no trace running', () => {
  const wrong: [name: string, options: Record<string, unknown>][] = [
    ['signal', { signal: 5 }],
    ['signal', { signal: {} }],
    ['devices', { devices: [] }],
    ['devices', { devices: 'vda' }],
    ['devices.0', { devices: [7] }],
    ['spoolBytes', { spoolBytes: '1X' }],
    ['spoolBytes', { spoolBytes: -1 }],
    ['spoolBytes', { spoolBytes: 0 }],
    ['bufferBytes', { bufferBytes: Number.NaN }],
    ['bufferCount', { bufferCount: 1.5 }],
    ['pid', { pid: -3 }],
    ['pid', { pid: '12' }],
    ['firstSector', { firstSector: -1n }],
    ['lastSector', { firstSector: 10, lastSector: 9 }],
    ['source', { source: 'bpf' }],
    ['actions', { actions: 'some' }],
    ['onFull', { onFull: null }],
    ['deliver', { deliver: 'yes' }],
    ['device', { device: 'vda' }],
    ['files', { files: 'model.gguf' }],
    ['files.0', { files: [3] }],
  ];
  for (const [where, options] of wrong) {
    test(`${JSON.stringify(options, (_, value) => (typeof value === 'bigint' ? `${value}` : value))}`, () => {
      using loop = loopDevice(64);
      using _ = mountedTracefs();
      const clean = machineState();
      const given = { devices: [loop.name], source: 'ftrace', ...options } as never;
      assert.throws(
        () => Tracer.start(given),
        (error: Error & { code: string }) => {
          assert.equal(error.name, 'BlkscopeError');
          assert.equal(error.code, 'BAD_ARGUMENT');
          assert.ok(error.message.startsWith(`Tracer.start: ${where}: `), error.message);
          return true;
        },
      );
      assert.deepEqual(machineState(), clean);
    });
  }

  test('an abort that came before is thrown, and nothing is done', () => {
    using loop = loopDevice(64);
    using _ = mountedTracefs();
    const clean = machineState();
    const reason = new Error('theirs');
    assert.throws(() => Tracer.start({ devices: [loop.name], signal: AbortSignal.abort(reason) }), reason);
    assert.deepEqual(machineState(), clean);
  });
});

describe('one loop at a time takes the batches', () => {
  test('a second loop and a summary beside a loop are refused; after it both work', async () => {
    using loop = loopDevice(64);
    using _ = mountedTracefs();
    using tracer = Tracer.start({ devices: [`/dev/${loop.name}`], source: 'ftrace', spoolBytes: '64M' });
    let events = 0;
    const counting = (async () => {
      for await (const batch of tracer) events += batch.length;
    })();
    await sleep(100);
    await assert.rejects(tracer.events().next(), { code: 'IN_USE' });
    await assert.rejects(tracer.summary(), { code: 'IN_USE' });
    await read(loop.path);
    tracer.stop();
    await counting;
    const summary = await tracer.summary();
    assert.equal(summary.eventsRead, events);
    assert.ok(events > 0);
    for await (const _ of tracer) assert.fail('all was taken');
  });

  test('a loop that was left is taken up where it was', async () => {
    using loop = loopDevice(64);
    using _ = mountedTracefs();
    using tracer = Tracer.start({ devices: [loop.name], source: 'ftrace' });
    await read(loop.path);
    let events = 0;
    for await (const batch of tracer) {
      events += batch.length;
      break;
    }
    await read(loop.path);
    tracer.stop();
    for await (const batch of tracer) events += batch.length;
    assert.equal((await tracer.summary()).eventsRead, events);
  });

  test('closing ends a loop that waits; what is asked of a closed tracer says so', async () => {
    using loop = loopDevice(64);
    using _ = mountedTracefs();
    const tracer = Tracer.start({ devices: [loop.name], source: 'ftrace' });
    const waiting = (async () => {
      for await (const _ of tracer);
      return 'ended';
    })();
    await sleep(50);
    tracer.close();
    assert.equal(await waiting, 'ended');
    await assert.rejects(tracer.summary(), { code: 'CLOSED' });
    assert.equal(tracer.takeReads(), null);
    assert.ok(tracer.counters().events >= 0);
    for await (const _ of tracer.progress(10)) break;
  });
});

async function read(path: string): Promise<void> {
  const child = spawn('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M', 'count=16', 'iflag=direct'], {
    stdio: 'ignore',
  });
  await once(child, 'exit');
}
