// From a run to its remedy with the real llama.cpp, unmodified: what tokens touch, what is advised, and what a pin gives.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Advice } from '../../src/advise/changes.js';
import type { Summary } from '../../src/figures/summary-schema.js';
import { type Model, readModel, synthesizeModel } from '../../src/index.js';
import { openRun } from '../../src/store/open-run.js';
import { blkscope } from './command-line.js';

const MiB = 2 ** 20;
const inRepository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const program = (name: string) => inRepository(`vendor/llama/bin/${name}`);
const env = { LLAMA_CLI: program('llama-completion') };
let folder: string;
/** A token uses 82 of its 287 MiB: many times the 12 MiB that a profile's limit leaves. */
let mixture: Model;
let dense: Model;
let quantised: Model;

before(async () => {
  execFileSync(process.execPath, [inRepository('scripts/get-llama.mjs')]);
  folder = mkdtempSync('build/llama-remedy-test-'); // on a disk
  const made = async (name: string, options: Parameters<typeof synthesizeModel>[1]) => {
    const path = join(folder, `${name}.gguf`);
    await synthesizeModel(path, options);
    return await readModel(path);
  };
  mixture = await made('mixture', { preset: 'gpt-oss-1b', layers: 2, router: { zipf: 1.5 } });
  dense = await made('dense', { preset: 'demo', bytes: 156 * MiB });
  quantised = await made('quantised', { preset: 'demo', weights: 'Q4_0', bytes: 80 * MiB });
});
after(() => rmSync(folder, { recursive: true }));

/** With one thread, so that what is read depends least on what else the machine does. */
function runCommand(name: string, model: Model, options: string[]) {
  const traced = ['--source', 'ftrace', '--mount', '--json', '-o', join(folder, name)];
  return blkscope(['run', '--model', model.path, '-t', '1', ...traced, ...options], { env });
}

async function run(name: string, model: Model, options: string[]): Promise<Summary> {
  const result = await runCommand(name, model, options);
  assert.equal(result.exitCode, 0, result.stderr);
  return JSON.parse(result.stdout) as Summary;
}

async function advice(name: string, ...options: string[]): Promise<Advice> {
  const result = await blkscope(['advise', join(folder, name), '--json', ...options]);
  assert.equal(result.exitCode, 0, result.stderr);
  return JSON.parse(result.stdout) as Advice;
}

const bytesPerToken = ({ workload }: Summary) => workload?.bytesPerToken as number;

/** What tokens read of weights, by role. */
async function touchMap(name: string) {
  await using profiled = await openRun(join(folder, name));
  const connection = await profiled.connect();
  const result = await connection.runAndReadAll(
    `SELECT token, name, layer, role, expert, share FROM touch_map WHERE name LIKE '%.weight'`,
  );
  connection.closeSync();
  return result.getRowObjectsJS() as {
    token: number;
    name: string;
    layer: number | null;
    role: string;
    expert: number | null;
    share: number;
  }[];
}

test('a dense model that is streamed reads what is not held once a token, and the reads are the stream’s', async () => {
  const limit = ['--limit', '125M', '-n', '12', '--readahead', '128'];
  const streamed = await run('streamed', dense, [...limit, '--pin', 'auto', '--stream']);
  const { memory, workload, bound, contention, reads } = streamed;
  const { stream } = memory;
  assert.ok(stream, 'it says what was streamed');
  assert.ok(stream.bytesPerRound > 20 * MiB && memory.pinnedBytes > 50 * MiB, JSON.stringify(memory));
  // The load and the prompt are rounds as well.
  assert.ok(stream.rounds > 12 && stream.rounds < 16, `${stream.rounds} rounds`);
  // The process that streams is blkscope's own, not another program that contends for the disk.
  assert.ok((contention?.otherReadBytes as number) < 0.05 * reads.bytes, JSON.stringify(contention));
  const pieces = (stream.rounds * stream.bytesPerRound) / (2 * MiB);
  assert.ok(stream.piecesRead > 0.7 * pieces, `${stream.piecesRead} of ${pieces} pieces read ahead`);
  const read = workload?.bytesPerToken as number;
  assert.ok(read > 0.95 * stream.bytesPerRound && read < 1.25 * stream.bytesPerRound, `${read}`);
  assert.ok(
    read < 0.6 * (bound?.touchedBytesPerToken as number),
    `${read} of ${bound?.touchedBytesPerToken}`,
  );
  assert.equal(memory.readAheadKib, 128, 'what was asked for');
});

test('a pin may leave less than an eighth of a limit, as auto does where the workload itself takes little', async () => {
  // All but the table of embeddings, which a pin holds whole or not at all.
  const options = ['--limit', '270M', '--readahead', '32', '--pin', '245M', '-n', '2'];
  const { memory } = await run('pinned-nearly-all', mixture, options);
  assert.ok(memory.pinnedBytes > (270 * MiB * 7) / 8, `${memory.pinnedBytes}`);
});

test('--stream without --pin, or for a mixture, is refused in a line', async () => {
  const streamed = ['run', '--model', mixture.path, '--stream', '-o', join(folder, 'refused')];
  const alone = await blkscope(streamed, { env });
  assert.deepEqual([alone.exitCode, alone.stderr.includes('--stream needs --pin')], [2, true]);
  const { exitCode, stderr } = await blkscope([...streamed, '--pin', '20M', '--mount'], { env });
  assert.equal(exitCode, 2, stderr);
  assert.match(stderr, /--stream is for dense models/);
});

test('a profile of a mixture shows each token read the dense part and its own four experts, whole', async () => {
  const { workload, phases, model } = await run('profile', mixture, ['--profile-touches', '-n', '5']);
  assert.equal(workload?.weights, 'mapped');
  const tokens = phases?.generation?.tokens as number;
  assert.equal(tokens, 4, 'the first of five is the prompt’s');
  const share = model?.heat?.seenShare as number;
  assert.ok(share > 0.85 && share < 1.3, `${share} of the dense part was read for a token`);

  const touches = await touchMap('profile');
  const routers = touches.filter(({ role, share }) => role === 'router' && share >= 1);
  assert.ok(routers.length >= 0.75 * tokens * mixture.layers, `${routers.length} routers were read whole`);
  const used = mixture.experts?.used ?? 0;
  const slices = touches.filter(({ role }) => role === 'experts');
  assert.equal(new Set(slices.map(({ name }) => name)).size, 3 * mixture.layers, 'gate, up and down');
  const whole = slices.filter((slice) => slice.share > 0.9);
  const counts = new Map<string, number>();
  for (const { token, name } of whole)
    counts.set(`${token} ${name}`, (counts.get(`${token} ${name}`) ?? 0) + 1);
  for (const [place, count] of counts) assert.ok(count <= used, `${place}: ${count} experts`);
  // Three quarters of the tokens are watched.
  assert.ok(whole.length >= 0.75 * tokens * 3 * mixture.layers * used, `${whole.length} slices`);
  // Others lie beside those in a page.
  for (const other of slices.filter((slice) => slice.share <= 0.9))
    assert.ok(other.share < 0.1, JSON.stringify(other));
});

test('a mixture: the pin is advised, and with it a token reads less than a third', async () => {
  const profile = join(folder, 'profile');
  const asIs = await run('mixture', mixture, ['--limit', '160M', '--readahead', '4096', '-n', '8']);
  const { changes } = await advice('mixture', '--touches', profile);
  const best = changes.find(({ conditions }) => conditions.memoryBytes === undefined);
  assert.ok(best?.conditions.pinBytes, `best: ${best?.title}`);
  const same = ['--limit', '160M', '--readahead', '4096', '-n', '8', '--pin', 'auto', '--plan', profile];
  const pinned = await run('mixture-pinned', mixture, same);
  assert.ok(pinned.memory.pinnedBytes > 80 * MiB, `${pinned.memory.pinnedBytes}`);
  assert.ok(
    bytesPerToken(pinned) < bytesPerToken(asIs) / 3,
    `${bytesPerToken(pinned)} ${bytesPerToken(asIs)}`,
  );
});

test('a dense model: the pin is advised, and with it a token reads less than three quarters', async () => {
  const options = ['--llama', program('llama-cli'), '--limit', '110M', '--readahead', '1024', '-n', '8'];
  const asIs = await run('dense', dense, options);
  const { changes, verdict } = await advice('dense');
  assert.match(verdict, /pinned/);
  const pin = changes.find(({ conditions: { pinBytes, readAheadKib } }) => pinBytes && !readAheadKib);
  assert.ok((pin?.bytesPerToken.likely ?? Number.POSITIVE_INFINITY) < bytesPerToken(asIs));
  const pinned = await run('dense-pinned', dense, [...options, '--pin', 'auto']);
  assert.equal(pinned.workload?.engine, 'llama-cli');
  assert.ok(
    bytesPerToken(pinned) < 0.75 * bytesPerToken(asIs),
    `${bytesPerToken(pinned)} ${bytesPerToken(asIs)}`,
  );
});

test('repacked weights: the advice says what no-repack gives, and that a pin gives nothing', async () => {
  const copied = await run('copied', quantised, ['--repack', '--limit', '300M', '-n', '20']);
  assert.equal(copied.workload?.weights, 'copied');
  const { changes, verdict } = await advice('copied');
  assert.match(verdict, /pinning the file gives nothing/);
  const noRepack = changes.find(({ title }) => title === 'no-repack');
  assert.deepEqual(noRepack?.bytesPerToken, { low: 0, likely: 0, high: 0 }, 'all of it fits');
  assert.ok(changes.some(({ title, reason }) => / pinned$/.test(title) && /^no effect/.test(reason)));
  const mapped = await run('mapped', quantised, ['--limit', '300M', '-n', '20']);
  assert.deepEqual([mapped.workload?.weights, bytesPerToken(mapped)], ['mapped', 0]);
});

test('a limit that the copied weights do not fit into is said to be too small for them', async () => {
  const { exitCode, stderr } = await runCommand('killed', quantised, ['--repack', '--limit', '70M']);
  assert.equal(exitCode, 5, stderr);
  assert.match(
    stderr,
    /SIGKILL: the memory limit is too small for it, which copied its weights into memory of its own;/,
  );
});
