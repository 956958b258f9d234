// Servers: one that runs already (`record --attach`), and one that is started (`record -- llama-server`).
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Summary } from '../../src/figures/summary-schema.js';
import { openRun, openRuns, renderReport, synthesizeModel } from '../../src/index.js';
import { prepareCache } from '../../src/memory/cache-state.js';
import { findMemoryController } from '../../src/memory/cgroup.js';
import { openedFiles } from '../../src/process/opened-files.js';
import { pathHere } from '../../src/process/other-mounts.js';
import { processTree } from '../../src/process/process-tree.js';
import { blkscope } from './command-line.js';
import { llamaProgram } from './llama-programs.js';

const MiB = 2 ** 20;
const program = llamaProgram('llama-server');
let folder: string;
let model: string;
let cgroup: string | null = null;

before(async () => {
  execFileSync(process.execPath, ['scripts/get-llama.mjs']);
  folder = resolve(mkdtempSync('build/servers-test-')); // on a disk
  model = join(folder, 'model.gguf');
  await synthesizeModel(model, { preset: 'demo', bytes: 120 * MiB });
  const controller = findMemoryController();
  if (controller?.version !== 1) return;
  cgroup = join(controller.path, `blkscope-servers-test-${process.pid}`);
  mkdirSync(cgroup);
  execFileSync('sh', ['-c', `echo ${100 * MiB} >${cgroup}/memory.limit_in_bytes`]);
});

after(() => {
  if (cgroup) rmdirSync(cgroup);
  rmSync(folder, { recursive: true });
});

const traced = (name: string) => ['record', '--source', 'ftrace', '--mount', '-o', join(folder, name)];

async function summaryOf(name: string): Promise<Summary> {
  await using run = await openRun(join(folder, name));
  return run.summary;
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const ready = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null);
    if (ready?.ok) return;
    await sleep(100);
  }
  assert.fail('the server does not answer');
}

async function complete(port: number, tokens: number): Promise<void> {
  const body = JSON.stringify({ prompt: `Tell of ${tokens}`, n_predict: tokens, ignore_eos: true });
  const answer = await fetch(`http://127.0.0.1:${port}/completion`, { method: 'POST', body });
  assert.ok(answer.ok);
  await answer.text();
}

/** Ctrl-C once blkscope has said `text` and the server has answered a request for so many tokens. */
const afterRequest = (text: string, port: number, tokens: number) => ({
  text,
  act: (child: ChildProcess) =>
    void answers(port)
      .then(() => complete(port, tokens))
      .then(() => sleep(300))
      .then(() => child.kill('SIGINT')),
});

const serverArguments = (port: number, ...more: string[]) => [
  ...['-m', model, '--port', `${port}`, '-t', '1', '-c', '512', '--no-repack', ...more],
];

/** A server of ours that runs already; with less memory than its model where that can be had. */
async function startServer(port: number, output: 'file' | 'pipe'): Promise<ChildProcess & { pid: number }> {
  await prepareCache('cold', [model]); // what another had read is not charged to the server
  const join_ = cgroup ? `echo $$ >${cgroup}/cgroup.procs; ` : '';
  const log = output === 'file' ? openSync(join(folder, `server-${port}.log`), 'w') : 'ignore';
  const child = spawn('sh', ['-c', `${join_}exec "$0" "$@"`, program, ...serverArguments(port)], {
    stdio: ['ignore', log, log],
  });
  await answers(port);
  return child as ChildProcess & { pid: number };
}

/** Empty once a killed process has let its memory go. */
function mapsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8');
  } catch {
    return '';
  }
}

const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

async function endOf(server: ChildProcess): Promise<void> {
  const ended = server.exitCode !== null || server.signalCode !== null;
  if (!ended) await new Promise((done) => server.once('exit', done) && server.kill('SIGKILL'));
}

/** What somebody could see of a process that had been meddled with. */
function stateOf(pid: number): unknown {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  const { TracerPid, SigBlk, SigIgn, SigCgt } = Object.fromEntries(
    read('status')
      .split('\n')
      .map((line) => line.split(/:\s+/)),
  );
  return [read('cgroup'), read('oom_score_adj'), read('limits'), { TracerPid, SigBlk, SigIgn, SigCgt }];
}

test('a server that runs: its model, its requests, and nothing of it is changed', async () => {
  const port = await freePort();
  const server = await startServer(port, 'file');
  try {
    const before = stateOf(server.pid);
    const recording = blkscope([...traced('attached'), '--attach', String(server.pid), '--duration', '6'], {
      when: {
        text: 'watch process',
        act: () => void complete(port, 3).then(() => complete(port, 2)),
      },
    });
    const { exitCode, stderr } = await recording;
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(stateOf(server.pid), before);
    await complete(port, 1);
    const summary = await summaryOf('attached');
    const { workload } = summary;
    assert.deepEqual(summary.model?.files, [model]);
    assert.deepEqual(
      workload?.requests?.told.map(({ tokens }) => tokens),
      [3, 2],
      readFileSync(join(folder, `server-${port}.log`), 'utf8'),
    );
    assert.deepEqual(workload?.attached, {
      ...{ pid: server.pid, ended: false },
      logs: [join(folder, `server-${port}.log`)],
    });
    assert.equal(workload?.tokens, 5);
    assert.ok(workload.argv.includes('--no-repack'));
    assert.equal(summary.phases, null, 'two requests: no prompt is that of the run');
    if (cgroup) {
      // Each token has to read again what did not fit.
      const sum = (workload.requests?.told ?? []).reduce(
        (total, { readBytes }) => total + (readBytes ?? 0),
        0,
      );
      assert.ok(sum > 20 * MiB && sum <= (summary.model?.readBytes ?? 0), `${sum}`);
      assert.ok((workload.readBytes ?? 0) > 20 * MiB, 'the kernel charged them to the server');
      assert.ok((workload.bytesPerToken ?? 0) > MiB);
      assert.ok((summary.memory.majorFaults ?? 0) > 0);
    }
    assert.match(renderReport(summary, { all: true }), /requests[\s\S]*at 0\.00 s: took .* 3 tokens at/);
    await using runs = await openRuns([join(folder, 'attached')]);
    const rows = await (await runs.query('SELECT tokens FROM server_request ORDER BY start')).getRows();
    assert.deepEqual(rows, [[3], [2]]);
  } finally {
    await endOf(server);
  }
});

test('a server in a container: its paths are others, and it is the same model', async () => {
  const port = await freePort();
  await prepareCache('cold', [model]);
  const log = openSync(join(folder, 'contained.log'), 'w');
  const inside = join('/mnt', basename(model)); // a path that this machine does not have
  const args = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c'];
  const start = `mount --bind "$0" /mnt && exec "$@"`;
  const server = serverArguments(port).map((word) => (word === model ? inside : word));
  const container = spawn('unshare', [...args, start, folder, program, ...server], {
    stdio: ['ignore', log, log],
  });
  try {
    await answers(port);
    assert.ok(!existsSync(inside));
    const [pid = 0] = processTree(container.pid as number).slice(-1);
    const { exitCode, stdout, stderr } = await blkscope([...traced('contained'), '--attach', String(pid)], {
      when: afterRequest('watch process', port, 3),
    });
    assert.equal(exitCode, 0, stderr);
    const { model: read, workload } = await summaryOf('contained');
    assert.deepEqual(read?.files, [model], stderr);
    assert.equal(workload?.weights, 'mapped');
    assert.equal(workload?.tokens, 3, 'its log is read by its descriptor');
    assert.match(stdout, /Process \d+, watched/);
  } finally {
    await endOf(container);
  }
});

test('a file that only the container sees is found through its root', async () => {
  const only = join(folder, 'only.img');
  execFileSync('sh', ['-c', `truncate -s 64M "${only}" && mkfs.ext4 -q "${only}"`]);
  const start = `mount -o loop "$0" /mnt && echo content >/mnt/file && ln -s /mnt/file /mnt/link && exec 3</mnt/file && echo ready && exec sleep 60`;
  const container = spawn('unshare', ['--mount', '--fork', '--kill-child', 'sh', '-c', start, only], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((done) => container.stdout?.once('data', done));
    const [pid = 0] = processTree(container.pid as number).slice(-1);
    const found = openedFiles(pid).map(({ path }) => path);
    assert.ok(found.includes(`/proc/${pid}/root/mnt/file`), found.join(' '));
    assert.equal(pathHere(pid)('/mnt/link'), `/proc/${pid}/root/mnt/file`, 'its links stay within its root');
    assert.equal(pathHere(pid)(model), model, 'what both see has one path');
    assert.equal(readFileSync(pathHere(pid)('/mnt/link'), 'utf8'), 'content\n');
  } finally {
    await endOf(container);
  }
});

test('Ctrl-C ends the look and not the server; without a log it says what it cannot know', async () => {
  const port = await freePort();
  const server = await startServer(port, 'pipe');
  try {
    const { exitCode, stdout, stderr } = await blkscope(
      [...traced('signal'), '--attach', String(server.pid)],
      {
        when: { text: 'watch process', act: (child) => void setTimeout(() => child.kill('SIGINT'), 1_000) },
      },
    );
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, /Process \d+, watched for .*\s+runs\s+on/);
    assert.match(stdout, /output\s+goes\s+to\s+no\s+file/);
    await complete(port, 1);
    const ended = await blkscope([...traced('ended'), '--attach', String(server.pid)], {
      when: { text: 'watch process', act: () => void setTimeout(() => server.kill('SIGKILL'), 700) },
    });
    assert.equal(ended.exitCode, 0, ended.stderr);
    assert.match(ended.stdout, /ended\s+by\s+itself/);
    assert.equal((await summaryOf('ended')).workload?.attached?.ended, true);
  } finally {
    await endOf(server);
  }
});

test('a server whose log somebody else keeps: --log names it', async () => {
  const port = await freePort();
  const log = join(folder, 'passed-on.log');
  await prepareCache('cold', [model]);
  // As a journal does: it takes the lines, and puts its own words before them.
  const passes = `"$0" "$@" 2>&1 | sed -u "s/^/May 23 00:32:01 host llama-server[1]: /" >"${log}"`;
  const shell = spawn('sh', ['-c', passes, program, ...serverArguments(port)], { detached: true });
  try {
    await answers(port);
    const [pid = 0] = processTree(shell.pid as number).filter((each) => nameOf(each) === 'llama-server');
    const attached = [...traced('passed-on'), '--attach', String(pid), '--log', log];
    const { exitCode, stderr } = await blkscope(attached, {
      when: afterRequest('watch process', port, 4),
    });
    assert.equal(exitCode, 0, stderr);
    const { workload } = await summaryOf('passed-on');
    assert.deepEqual(workload?.attached?.logs, [log]);
    assert.deepEqual([workload?.requests?.count, workload?.tokens], [1, 4], readFileSync(log, 'utf8'));
  } finally {
    const all = processTree(shell.pid as number);
    process.kill(-(shell.pid as number), 'SIGKILL');
    while (all.some((pid) => mapsOf(pid) !== '')) await sleep(20);
  }
});

test('a server that is started: loaded, one request with its phases, ended by Ctrl-C in order', async () => {
  const port = await freePort();
  await prepareCache('cold', [model]);
  const recording = blkscope([...traced('started'), '--', program, ...serverArguments(port, '-v')], {
    when: afterRequest('run ', port, 6),
  });
  const { exitCode, stderr } = await recording;
  assert.equal(exitCode, 0, stderr);
  const { workload, phases, model: read } = await summaryOf('started');
  assert.equal(workload?.requests?.count, 1);
  assert.equal(workload?.tokens, 6);
  assert.equal(phases?.generation?.tokens, 5);
  assert.equal(phases?.generation?.marks, 5, '-v logs each token');
  assert.ok((read?.coverage ?? 0) > 0.9);
  assert.ok((phases?.load?.model?.readBytes ?? 0) > 0);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/health`), 'it was ours to end');
});

/** A server of ours with a draft model, one request, ended by Ctrl-C. */
async function drafted(
  name: string,
  draft: string,
  type = ['--spec-type', 'draft-simple'],
): Promise<Summary> {
  const port = await freePort();
  const speculation = ['-md', draft, ...type, '--temp', '0'];
  const { exitCode, stderr } = await blkscope(
    [...traced(name), '--', program, ...serverArguments(port, ...speculation)],
    {
      when: afterRequest('run ', port, 30),
    },
  );
  assert.equal(exitCode, 0, stderr);
  return summaryOf(name);
}

test('drafts make fewer walks than tokens; advise and stream refuse such a run', async () => {
  const { workload } = await drafted('drafted', model); // its own draft: all of it is taken
  assert.equal(workload?.tokens, 30);
  assert.equal(workload?.speculative, true);
  assert.ok((workload.walks ?? 30) < 30 && (workload.walks ?? 0) >= 5, `${workload.walks} walks`);
  const advice = await blkscope(['advise', join(folder, 'drafted')]);
  assert.equal(advice.exitCode, 2);
  assert.match(advice.stderr, /decoded speculatively, where a token is not one walk/);
  const bin = llamaProgram('llama-cli');
  const streamed = await blkscope([
    ...['run', '--model', model, '--llama', bin, '--limit', '100M', '--pin', '20M', '--stream', '--mount'],
    ...['-o', join(folder, 'streamed'), '--', '-md', model, '--spec-type', 'draft-simple'],
  ]);
  assert.equal(streamed.exitCode, 2, streamed.stderr);
  assert.match(streamed.stderr, /with speculative decoding a token is not one walk/);
});

test('a draft model that nothing says how to use is loaded and left alone, which is told', async () => {
  const { workload, phases } = await drafted('left-alone', model, []);
  assert.equal(workload?.tokens, 30);
  assert.equal(workload?.speculative, undefined);
  assert.equal(phases?.generation?.tokens, 29);
  const { stdout } = await blkscope(['report', join(folder, 'left-alone'), '--all']);
  assert.match(stdout, /nothing\s+was\s+drafted:\s+each\s+token\s+is\s+one\s+walk/);
});

test('a draft model of another vocabulary: the server goes on without, and so do the figures', async () => {
  const other = join(folder, 'other.gguf');
  await synthesizeModel(other, { preset: 'tiny-llama' });
  const { workload, model: main, otherModels } = await drafted('mismatched', other);
  assert.equal(workload?.tokens, 30);
  assert.equal(workload?.speculative, undefined);
  assert.deepEqual(main?.files, [model]);
  assert.deepEqual(
    otherModels?.map(({ files }) => files),
    [[other]],
  );
});

test('what cannot be attached to is one clear line', async () => {
  const noLog = join(folder, 'no.log');
  const [gone, both, log, alone] = [
    await blkscope(['record', '--attach', '4194000']),
    await blkscope(['record', '--attach', String(process.pid), '--', 'true']),
    await blkscope(['record', '--attach', String(process.pid), '--log', noLog]),
    await blkscope(['record', '--log', noLog, '--', 'true']),
  ];
  assert.deepEqual(
    [gone, both, log, alone].map(({ exitCode }) => exitCode),
    [2, 2, 2, 2],
  );
  assert.match(
    log.stderr,
    /no\.log: there is no such file; name a file that the log of the process is appended to/,
  );
  assert.match(
    alone.stderr,
    /--log names the log of a process that runs already: name the process by --attach/,
  );
  assert.match(gone.stderr, /^blkscope: --attach 4194000: no process has this id/m);
  assert.match(both.stderr, /give no command beside it/);
  assert.ok(!existsSync('runs/4194000'));
});
