// The embedded engine's process has a user's rights: what it reports may be anything, and costs no run.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EmbeddedReports } from '../../../src/workload/embedded-reports.js';
import type { WorkloadOutcome } from '../../../src/workload/engine.js';
import { startWorkload } from '../../../src/workload/running-workload.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-reports-'));
after(() => rmSync(folder, { recursive: true }));

/** The outcome of a Node process in the embedded engine's place, whose `send` writes a text where reports are awaited. */
async function outcomeOf(name: string, script: string, tokens = 3): Promise<WorkloadOutcome> {
  const timings = { loadMs: null, promptTokens: null, promptTokensPerSecond: null };
  const all = { ...timings, tokens: null, tokensPerSecond: null };
  const reports = new EmbeddedReports(tokens, all);
  const workload = await startWorkload({
    engine: 'embedded',
    argv: [process.execPath, '-e', `${prelude}${script}`],
    version: null,
    options: { log: join(folder, name) },
    loading: null,
    onReport: (line, time, to) => reports.take(line, time, to),
    timings: () => ({ timings: all }),
  });
  return await workload.done;
}

const prelude = `
  const send = (text) => { for (let b = Buffer.from(text), n = 0; n < b.length; ) n += require('fs').writeSync(3, b, n); };
  const now = () => String(process.hrtime.bigint());
  const report = (fields) => send(JSON.stringify(fields) + '\\n');
  const sound = (tokens) => {
    report({ kind: 'loading', time: now(), version: 'b1', anonBytes: 1024 });
    report({ kind: 'loaded', time: now() });
    report({ kind: 'prompt', tokens: 7 });
    report({ kind: 'promptDone', time: now() });
    for (let index = 0; index < tokens; index++) report({ kind: 'token', time: now(), index });
  };
`;

const kindsOf = ({ marks }: WorkloadOutcome) => marks.map(({ kind }) => kind);
const whole = ['started', 'loaded', 'promptDone', 'token', 'token', 'token', 'ended'];

test('reports as the engine sends them are its marks', async () => {
  const outcome = await outcomeOf('sound', 'sound(3)');
  assert.equal(outcome.exitCode, 0, readFileSync(join(folder, 'sound'), 'utf8'));
  assert.deepEqual(kindsOf(outcome), whole);
  assert.equal(outcome.version, 'b1');
  assert.equal(outcome.timings.promptTokens, 7);
  assert.equal(outcome.timings.tokens, 3);
  assert.equal(outcome.refusedReports, undefined);
});

/** Each is one line that is refused, and no other. */
const wrong: [string, string][] = [
  ['no JSON', `send('{{{{\\n')`],
  ['null', `report(null)`],
  ['a list', `report([1, 2])`],
  ['a kind that is none', `report({ kind: 'constructor', time: now() })`],
  ['a mark of its end', `report({ kind: 'ended', time: now() })`],
  ['a key too many', `report({ kind: 'loaded', time: now(), index: 1 })`],
  ['a time that is none', `report({ kind: 'loaded', time: 'soon' })`],
  ['a time as a number', `report({ kind: 'loaded', time: 12 })`],
  ['a time before the start', `report({ kind: 'loaded', time: '1' })`],
  ['a time to come', `report({ kind: 'loaded', time: String(process.hrtime.bigint() + 10n ** 12n) })`],
  ['a time of a hundred digits', `report({ kind: 'loaded', time: '9'.repeat(100) })`],
  ['a prompt below nothing', `report({ kind: 'prompt', tokens: -1 })`],
  ['a prompt beyond counting', `report({ kind: 'prompt', tokens: 1e300 })`],
  [
    'a version of a million letters',
    `report({ kind: 'loading', time: now(), version: 'x'.repeat(1e6), anonBytes: 0 })`,
  ],
  ["Node's own messages", `report({ cmd: 'NODE_HANDLE', type: 'net.Socket' })`],
  ['a prototype', `send('{"__proto__": {"kind": "loaded"}}\\n')`],
];

for (const [name, script] of wrong) {
  test(`${name}: refused, and the rest is kept`, async () => {
    const outcome = await outcomeOf(name.replaceAll(' ', '-'), `${script}; sound(3)`);
    assert.deepEqual(kindsOf(outcome), whole);
    assert.equal(outcome.refusedReports?.count, 1);
    assert.ok((outcome.refusedReports?.first.length ?? 0) <= 80);
  });
}

test('tokens that were not asked for, or twice, or backwards, are no tokens', async () => {
  const more = `report({ kind: 'token', time: now(), index: 1 }); report({ kind: 'token', time: now(), index: 1e9 });`;
  const outcome = await outcomeOf(
    'tokens',
    `sound(3); ${more} report({ kind: 'loaded', time: now() }); sound(2)`,
  );
  assert.deepEqual(kindsOf(outcome), whole);
  assert.equal(outcome.refusedReports?.count, 9);
});

test('much without an end takes no memory, and the program ends when it likes', async () => {
  const before = process.memoryUsage().rss;
  const outcome = await outcomeOf(
    'huge',
    `sound(3); const much = 'x'.repeat(2 ** 20); for (let i = 0; i < 256; i++) send(much)`,
  );
  assert.deepEqual(kindsOf(outcome), whole);
  assert.equal(outcome.exitCode, 0);
  assert.equal(outcome.refusedReports?.count, 1);
  assert.ok(process.memoryUsage().rss - before < 256 * 2 ** 20);
});
