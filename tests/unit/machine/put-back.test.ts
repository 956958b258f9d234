// What a program has changed through blkscope is put back however the program ends: real processes, and a change that harms nobody.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const changes = fileURLToPath(new URL('../../../dist/machine/changes.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-put-back-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  /** What lies in the journal's folder: the journal, and the change, which is a folder too. */
  left: string[];
}

let programs = 0;

/** Runs a program that has `change()`; `act` once it has printed `changed`. */
async function program(
  body: string,
  act: (child: ReturnType<typeof spawn>) => Promise<void> | void = () => {},
): Promise<Ended> {
  const journal = join(folder, `${programs++}`);
  const text = `
    import { beginChanges, undoChanges } from ${JSON.stringify(changes)};
    import { setTimeout as sleep } from 'node:timers/promises';
    import { Worker } from 'node:worker_threads';
    import { once } from 'node:events';
    let number = 0;
    const change = (options) => {
      const changes = beginChanges(options);
      changes.makeDirectory(${JSON.stringify(journal)} + '/spool-' + number++);
      console.log('changed');
      return changes;
    };
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BLKSCOPE_JOURNAL: journal },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data;
    });
  const ended = once(child, 'close');
  while (!output.includes('changed') && child.exitCode === null) await sleep(5);
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await act(child);
  const [exitCode, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  clearTimeout(tooLong);
  return { exitCode, signal, output, left: readdirSync(journal) };
}

/** A worker thread that makes a change; `body` follows it there. */
function inWorker(body = ''): string {
  const text = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(changes)}).then(({ beginChanges }) => {
      beginChanges().makeDirectory(process.env.BLKSCOPE_JOURNAL + '/spool-99');
      parentPort.postMessage('changed');
      setTimeout(() => {}, 10_000);
      ${body}
    });`;
  return `
    const worker = new Worker(${JSON.stringify(text)}, { eval: true, execArgv: [] });
    worker.on('message', (text) => console.log(text));
    await once(worker, 'message');`;
}

describe('it is put back', () => {
  const endings: [name: string, exitCode: number | null, body: string][] = [
    ['by process.exit()', 3, 'change(); process.exit(3);'],
    ['by the end of the work', 0, 'change();'],
    ['by an error that nobody catches', 1, 'change(); throw new Error("theirs");'],
    [
      'by a rejection that nobody handles',
      1,
      'change(); Promise.reject(new Error("theirs")); await sleep(5000);',
    ],
    [
      'where a handler of exit fails',
      null,
      'process.on("exit", () => { throw 1; }); change(); process.exit(0);',
    ],
    ['by the end of a worker thread', 0, `${inWorker('process.exit(0);')} await once(worker, 'exit');`],
    ['by the termination of a worker thread', 0, `${inWorker()} await worker.terminate();`],
    ['by process.exit() beside a worker thread', 5, `${inWorker()} process.exit(5);`],
    ['by an error in a worker thread', 1, `${inWorker('throw new Error("theirs");')} await sleep(5000);`],
    ['where it was undone before', 0, 'undoChanges(change());'],
  ];
  for (const [name, exitCode, body] of endings) {
    test(name, async () => {
      const ended = await program(body);
      assert.equal(ended.signal, null, ended.output);
      if (exitCode !== null) assert.equal(ended.exitCode, exitCode, ended.output);
      assert.deepEqual(ended.left, [], ended.output);
    });
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`by ${signal}, which then ends the program`, async () => {
      const ended = await program(
        'change(); change(); await sleep(10_000);',
        (child) => void child.kill(signal),
      );
      assert.equal(ended.signal, signal, ended.output);
      assert.deepEqual(ended.left, []);
    });
  }

  test('by a signal that finds a program at work', async () => {
    const body =
      'change(); const until = Date.now() + 1000; while (Date.now() < until); await sleep(10_000);';
    const ended = await program(body, (child) => void child.kill('SIGINT'));
    assert.equal(ended.signal, 'SIGINT', ended.output);
    assert.deepEqual(ended.left, []);
  });

  test('by a signal that finds a worker thread with a change, and the main thread with another', async () => {
    const ended = await program(`${inWorker()} change(); await sleep(10_000);`, async (child) => {
      await sleep(500);
      child.kill('SIGTERM');
    });
    assert.equal(ended.signal, 'SIGTERM', ended.output);
    assert.equal(ended.output.match(/changed/g)?.length, 2);
    assert.deepEqual(ended.left, []);
  });
});

describe('a signal is the program’s', () => {
  const listening = `process.on('SIGTERM', () => { console.log('theirs'); process.exit(7); });`;
  for (const [when, body] of [
    ['before the change', `${listening} change(); await sleep(10_000);`],
    ['after it', `change(); ${listening} await sleep(10_000);`],
  ] as const) {
    test(`where it listens from ${when}`, async () => {
      const ended = await program(body, async (child) => {
        await sleep(100);
        child.kill('SIGTERM');
      });
      assert.equal(ended.exitCode, 7, ended.output);
      assert.match(ended.output, /theirs/);
      assert.deepEqual(ended.left, []);
    });
  }

  test('where it listens once: the next one puts back and ends', async () => {
    const body = `change(); process.once('SIGINT', () => console.log('theirs')); await sleep(10_000);`;
    const ended = await program(body, async (child) => {
      await sleep(200);
      child.kill('SIGINT');
      await sleep(300);
      assert.equal(child.signalCode, null);
      child.kill('SIGINT');
    });
    assert.equal(ended.signal, 'SIGINT', ended.output);
    assert.match(ended.output, /theirs/);
    assert.deepEqual(ended.left, []);
  });

  test('where it is not wanted: the journal stays for recover', async () => {
    const body = 'change({ undoOnSignals: false }); await sleep(10_000);';
    const ended = await program(body, (child) => void child.kill('SIGTERM'));
    assert.equal(ended.signal, 'SIGTERM', ended.output);
    assert.equal(ended.left.length, 2);
  });

  test('where nothing is changed any more', async () => {
    const body = `undoChanges(change()); console.log('changed'); await sleep(10_000);`;
    const ended = await program(body, async (child) => {
      await sleep(100);
      child.kill('SIGHUP');
    });
    assert.equal(ended.signal, 'SIGHUP', ended.output);
    assert.deepEqual(ended.left, []);
  });
});

test('SIGKILL leaves the journal', async () => {
  const ended = await program('change(); await sleep(10_000);', (child) => void child.kill('SIGKILL'));
  assert.equal(ended.left.length, 2);
});
