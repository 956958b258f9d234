// Two sessions that want the one tracer of the machine at one moment: one has it, the other is refused, and neither undoes
// what the other has set.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type LoopDevice, loopDevice } from './loop-device.js';
import { machineState, mountedTracefs, tracefs } from './machine-state.js';
import type { RaceAnswer, RaceOrder } from './race-child.js';

const program = fileURLToPath(new URL('./race-child.ts', import.meta.url));
const rounds = 100;
let clean: Record<string, string>;
let loop: LoopDevice;
let mount: Disposable;
let children: [ChildProcess, ChildProcess];

before(() => {
  loop = loopDevice(1);
  clean = machineState();
  mount = mountedTracefs();
  const child = () => fork(program, [loop.name], { execArgv: ['--import', 'tsx'] });
  children = [child(), child()];
});
after(() => {
  for (const child of children) child.kill();
  mount[Symbol.dispose]();
  loop[Symbol.dispose]();
});

async function asked(child: ChildProcess, order: RaceOrder): Promise<RaceAnswer> {
  child.send(order);
  const [said] = await once(child, 'message');
  return said as RaceAnswer;
}

const soon = (jitterNs = 0) => String(process.hrtime.bigint() + 3_000_000n + BigInt(Math.round(jitterNs)));

const setting = (name: string) => readFileSync(join(tracefs, name), 'utf8').trim();

/** All that a running session has set. */
function standing(): unknown {
  const enable = readFileSync(`/sys/block/${loop.name}/trace/enable`, 'utf8').trim();
  return {
    tracer: setting('current_tracer'),
    on: setting('tracing_on'),
    overwrite: setting('options/overwrite'),
    clock: /\[(\w+)\]/.exec(setting('trace_clock'))?.[1],
    enabled: enable !== '0',
  };
}

const ofSession = { tracer: 'blk', on: '1', overwrite: '0', clock: 'mono', enabled: true };

function requireRefused(said: RaceAnswer): void {
  assert.ok('refused' in said, JSON.stringify(said));
  assert.equal(said.code, 'TRACER_BUSY', said.refused);
  assert.doesNotMatch(said.refused, /\n/);
}

test(`of two that start together one is refused, in ${rounds} rounds`, async () => {
  const won = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const startAt = soon();
    const said = await Promise.all(children.map((child) => asked(child, { startAt })));
    const winner = said.findIndex((one) => 'did' in one);
    assert.ok(winner >= 0, JSON.stringify(said));
    requireRefused(said[1 - winner] as RaceAnswer);
    assert.deepEqual(standing(), ofSession);
    won[winner] = (won[winner] as number) + 1;
    await asked(children[winner] as ChildProcess, { stopAt: '0' });
    assert.notEqual(setting('current_tracer'), 'blk');
  }
  assert.ok(
    won.every((times) => times > 0),
    `it is no race when one always wins: ${won}`,
  );
});

test(`one that starts while the other puts its settings back has its own, in ${rounds} rounds`, async () => {
  let [running, next] = children;
  assert.deepEqual(await asked(running, { startAt: '0' }), { did: 'start' });
  let started = 0;
  let withinNs = 60_000_000; // about as long as putting back takes here: it goes on until starts meet its end
  for (let round = 0; round < rounds; round++) {
    const [, said] = await Promise.all([
      asked(running, { stopAt: soon() }),
      asked(next, { startAt: soon(Math.random() * withinNs) }),
    ]);
    withinNs *= 'did' in said ? 0.9 : 1.1;
    if ('did' in said) {
      started++;
      [running, next] = [next, running];
    } else {
      requireRefused(said);
      assert.deepEqual(await asked(running, { startAt: '0' }), { did: 'start' });
    }
    assert.deepEqual(standing(), ofSession);
  }
  await asked(running, { stopAt: '0' });
  assert.ok(started > 0 && started < rounds, `${started} of ${rounds} started`);
});

test('afterwards the machine is as it was', () => {
  mount[Symbol.dispose]();
  try {
    assert.deepEqual(machineState(), clean);
  } finally {
    mount = mountedTracefs();
  }
});
