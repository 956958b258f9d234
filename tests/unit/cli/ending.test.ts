// Signals, full disks and readers that go away end every command soon, in one line or none, and leave nothing behind.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodes } from '../../../src/errors.js';
import { cliPath } from '../../host/command-line.js';
import { writeStoredRun } from '../store/stored-run.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-ending-'));
const scratch = join(folder, 'scratch');
const run = join(folder, 'run');

before(async () => {
  mkdirSync(scratch);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await writeStoredRun(run, [{ time: 1000, sector: 8, sectors: 8 }], 8);
});
after(() => rmSync(folder, { recursive: true }));

/** Of a machine that other tests keep busy; alone it is less than one second. */
const mostMs = 8000;

interface Ended {
  /** As a shell tells it. */
  code: number;
  ms: number;
  stderr: string;
}

const numbers: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGALRM: 14 };

function start(args: readonly string[], stdio: SpawnOptions['stdio']): ChildProcess {
  const env = { ...process.env, TMPDIR: scratch };
  return spawn(process.execPath, [...args], { cwd: folder, env, stdio });
}

/** `since`: from when on its time is counted. */
function ended(child: ChildProcess, since = () => performance.now()): Promise<Ended> {
  let stderr = '';
  const began = performance.now();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      const ms = performance.now() - (since() || began);
      resolve({ code: code ?? 128 + (numbers[signal as string] ?? 99), ms, stderr });
    });
  });
}

/** Sends a signal once `ready`, and waits for the end. */
async function signalled(
  args: readonly string[],
  signal: NodeJS.Signals,
  ready: () => boolean,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Promise<Ended> {
  const child = start(args, [stdin, 'ignore', 'pipe']);
  let sentAt = 0;
  const end = ended(child, () => sentAt);
  const until = performance.now() + 20_000;
  while (!ready() && performance.now() < until) await sleep(20);
  await sleep(200);
  sentAt = performance.now();
  child.kill(signal);
  const kill = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const result = await end;
  clearTimeout(kill);
  return result;
}

const inScratch = () => readdirSync(scratch).some((name) => name.includes('.partial'));
const endless = 'SELECT count(*) FROM range(100_000_000_000) a, range(1_000) b';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} ends a query, and what it has begun is gone`, async () => {
    const { code, ms } = await signalled([cliPath, 'query', run, endless], signal, inScratch);
    assert.equal(code, 128 + (numbers[signal] as number));
    assert.ok(ms < mostMs, `${ms} ms`);
    assert.deepEqual(readdirSync(scratch), []);
  });
}

/** A file of src/ as an import names it. */
const source = (path: string) => JSON.stringify(String(new URL(`../../../src/${path}`, import.meta.url)));

test('SIGTERM ends what does not come to handle it', async () => {
  const script = `
    import { removeUnfinishedAtEnd } from ${source('cli/ending.ts')};
    import { PartialFolder } from ${source('files/partial.ts')};
    removeUnfinishedAtEnd();
    PartialFolder.beside(${JSON.stringify(join(scratch, 'busy'))});
    for (;;);`;
  const { code, ms } = await signalled(
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script],
    'SIGTERM',
    inScratch,
  );
  assert.equal(code, 143);
  assert.ok(ms >= 700 && ms < mostMs, `${ms} ms`);
  rmSync(scratch, { recursive: true });
  mkdirSync(scratch);
});

describe('an import that waits', () => {
  const begun = () => readdirSync(folder).some((name) => name.includes('.partial'));
  for (const [name, trace, signal] of [
    ['for a pipe that nobody writes into', 'pipe', 'SIGINT'],
    ['for standard input', '-', 'SIGTERM'],
  ] as const) {
    test(`${name} is ended by ${signal}`, async () => {
      const args = [cliPath, 'import', trace, '-o', 'waited'];
      const { code, ms, stderr } = await signalled(args, signal, begun, 'pipe');
      assert.equal(code, 128 + (numbers[signal] as number), stderr);
      assert.ok(ms < mostMs, `${ms} ms`);
      assert.match(stderr, new RegExp(`blkscope: interrupted by ${signal}\\n$`));
      assert.ok(!existsSync(join(folder, 'waited')) && !begun());
    });
  }
});

const printing: readonly string[][] = [
  ...[['--help'], ['--version'], ['report', 'run'], ['report', 'run', '--json'], ['report', 'run', '--all']],
  ...[
    ['compare', 'run', 'run'],
    ['query', 'run', 'FROM io'],
    ['query', 'run', 'FROM io', '--csv'],
  ],
  ...[
    ['export', 'run', '--format', 'csv'],
    ['completion', 'bash'],
    ['doctor', '--json'],
  ],
];

test('a full disk behind standard output is one line', async () => {
  const full = openSync('/dev/full', 'w');
  for (const args of printing) {
    const child = start([cliPath, ...args], ['ignore', full, 'pipe']);
    const { code, stderr } = await ended(child, () => 0);
    assert.equal(code, exitCodes.busy, `${args}: ${stderr}`);
    assert.match(stderr, /^(blkscope: run in [^\n]*\n)?blkscope: [^\n]*the disk is full[^\n]*\n$/, `${args}`);
  }
});

test('a full disk behind standard error changes nothing', async () => {
  const full = openSync('/dev/full', 'w');
  const child = start([cliPath, 'report', 'none'], ['ignore', 'ignore', full]);
  assert.equal((await ended(child, () => 0)).code, exitCodes.usage);
});

test('a reader that went away is no failure', async () => {
  for (const args of printing) {
    const child = start([cliPath, ...args], ['ignore', 'pipe', 'pipe']);
    child.stdout?.destroy();
    const { code, stderr } = await ended(child, () => 0);
    assert.ok(
      code === exitCodes.ok || (args[0] === 'doctor' && code === exitCodes.unsupported),
      `${args}: ${code} ${stderr}`,
    );
    assert.doesNotMatch(stderr, /^\s+at /m);
  }
});
