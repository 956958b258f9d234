// What passes of llama.cpp use of a model, against what is known of the model: which experts its routers choose, and that a dense model is used whole.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { usedByTokens } from '../../src/figures/seen-touches.js';
import { type Model, readModel, synthesizeModel } from '../../src/index.js';
import { beginChanges, undoChanges } from '../../src/machine/changes.js';
import { prepareCache } from '../../src/memory/cache-state.js';
import { MemoryCgroup } from '../../src/memory/cgroup.js';
import { modelRegions, type Region } from '../../src/model/regions.js';
import { seededOrder } from '../../src/model/synthetic-weights.js';
import { TouchWatch } from '../../src/touches/touch-watch.js';
import { findEngine } from '../../src/workload/find-engine.js';

const completion = 'vendor/llama/bin/llama-completion';
let folder: string;

before(() => {
  folder = mkdtempSync('build/touches-test-'); // on a disk
});
after(() => rmSync(folder, { recursive: true }));

async function watched(model: Model, llama: string, tokens: number, profiled: number) {
  const engine = await findEngine(llama);
  const watch = new TouchWatch(model, profiled);
  const log = join(folder, 'workload.log');
  const running = await engine.start({
    ...{ model: model.path, tokens, threads: 2, prompt: 'One', log, launch: watch.launchWith() },
  });
  watch.attach(running.pid);
  const outcome = await running.done;
  assert.equal(outcome.exitCode, 0, outcome.errorLine ?? '');
  return { seen: watch.stop(), outcome };
}

test("each pass uses the experts that the model's routers choose, nothing more and nothing less: 20 seeds", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const path = join(folder, `router-${seed}.gguf`);
    // So strong a preference that it alone decides: a layer's first experts in the seeded order.
    await synthesizeModel(path, { preset: 'tiny-gpt-oss', seed, router: { zipf: 1e4 } });
    const model = await readModel(path);
    const count = model.experts?.count ?? 0;
    const perToken = model.experts?.used ?? 0;
    const { seen, outcome } = await watched(model, completion, 6, 99);
    assert.equal(seen.lost, 0);
    const used = usedByTokens(model, seen, outcome);
    assert.equal(used?.figures.tokens, 5);
    const regions = modelRegions(model);
    for (let token = 0; token < 5; token++) {
      const touched: ReadonlySet<number> = new Set(
        used?.touches.filter((touch) => touch.token === token).map(({ region }) => region),
      );
      // Every slice of the chosen experts, biases included, and no slice of another.
      const wrong: Region[] = regions.filter(({ layer, expert }, region) => {
        if (layer === null || expert === null) return false;
        const chosen = seededOrder(seed, `router ${layer}`, count).slice(0, perToken);
        return chosen.includes(expert) !== touched.has(region);
      });
      assert.deepEqual(
        wrong.map(({ tensor, expert }) => `${tensor} ${expert}`),
        [],
        `seed ${seed}, token ${token}`,
      );
    }
    rmSync(path);
  }
});

for (const llama of [completion, 'vendor/llama/bin/llama-cli', 'embedded']) {
  test(`a dense model of 87 MiB: every token uses all of it, and of the table a row (${llama})`, async () => {
    const path = join(folder, 'dense.gguf');
    if (!existsSync(path)) await synthesizeModel(path, { preset: 'demo', bytes: 80 * 2 ** 20 });
    const model = await readModel(path);
    const { seen, outcome } = await watched(model, llama, 12, 8);
    const used = usedByTokens(model, seen, outcome);
    assert.ok(used);
    const { heat, figures } = used;
    assert.equal(figures.lostFaults, 0);
    assert.ok((heat.seenShare ?? 0) >= 0.9999 && (heat.seenShare ?? 2) <= 1, `${heat.seenShare}`);
    assert.deepEqual(figures.differences, []);
    const table = heat.tensors.find(({ name }) => name === 'token_embd.weight');
    assert.equal(table?.touched, 'every');
    assert.ok((table?.bytesPerToken ?? 0) <= 3 * 4096, `${table?.bytesPerToken}`);
    // The prompt takes a pass or two; eight passes are watched in all.
    assert.ok(figures.tokens >= 6 && figures.tokens <= 7, `${figures.tokens}`);
    assert.ok(figures.unprofiledNsPerToken && figures.profiledNsPerToken);
  });
}

test('when the watched passes are over the model is mapped as it was', async () => {
  const path = join(folder, 'dense.gguf');
  const model = await readModel(path);
  const engine = await findEngine(completion);
  const watch = new TouchWatch(model, 4);
  const log = join(folder, 'workload.log');
  const running = await engine.start({
    ...{ model: path, tokens: 100, threads: 2, prompt: 'One', log, launch: watch.launchWith() },
  });
  watch.attach(running.pid);
  const counts = await mappingCounts(running.pid, realpathSync(path), running.done);
  watch.stop();
  const most = Math.max(...counts);
  assert.ok(most > 100, `split into ${most}`);
  assert.equal(counts.at(-1), counts[0], counts.join(' '));
});

/** How many mappings of a file a process has, looked up until it ends; only when the number changes. */
async function mappingCounts(pid: number, path: string, done: Promise<unknown>): Promise<number[]> {
  const counts: number[] = [];
  let ended = false;
  const end = () => {
    ended = true;
  };
  done.then(end, end);
  while (!ended) {
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '');
    const count = maps.split('\n').filter((line) => line.endsWith(path)).length;
    if (count > 0 && count !== counts.at(-1)) counts.push(count);
    await setTimeout(2);
  }
  return counts;
}

test('followed further, it is mapped as it was while memory is enough, and split again when it is short', async () => {
  const path = join(folder, 'dense.gguf');
  const model = await readModel(path);
  const engine = await findEngine(completion);
  const changes = beginChanges();
  try {
    await prepareCache('cold', [path], {});
    const cgroup = MemoryCgroup.create(changes, 2 ** 30);
    const watch = new TouchWatch(model, 1, { pieces: false, follow: true });
    const log = join(folder, 'workload.log');
    const launch = watch.launchWith({ cgroupProcsFile: cgroup.procsFile });
    const running = await engine.start({
      ...{ model: path, tokens: 3000, threads: 2, prompt: 'One', log, launch },
    });
    try {
      const split = await untilMapped(running.pid, path, (count) => count > 10);
      const joined = await untilMapped(running.pid, path, (count) => count < split / 4);
      assert.ok(joined > 1, 'the table, of which a token uses a row, is a mapping of its own');
      const file = cgroup.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
      const used = Number(readFileSync(join(cgroup.path, usageFile[cgroup.version]), 'utf8'));
      writeFileSync(join(cgroup.path, file), `${used - 40 * 2 ** 20}`);
      assert.equal(await untilMapped(running.pid, path, (count) => count >= split), split);
    } finally {
      await running.stop();
      await running.done;
    }
    assert.ok(watch.firstPass());
  } finally {
    undoChanges(changes);
  }
});

const usageFile = { 1: 'memory.usage_in_bytes', 2: 'memory.current' } as const;

/** Into how many mappings a file of a process is split, once that is as asked. */
async function untilMapped(pid: number, path: string, asked: (count: number) => boolean): Promise<number> {
  const counts: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '');
    const count = maps.split('\n').filter((line) => line.endsWith(realpathSync(path))).length;
    if (asked(count)) return count;
    if (count !== counts.at(-1)) counts.push(count);
    await setTimeout(5);
  }
  throw new Error(`mappings: ${counts.join(' ')}`);
}

test('what cannot be watched is told in a line', async () => {
  const path = join(folder, 'dense.gguf');
  const model = await readModel(path);
  const engine = await findEngine(completion);
  const run = async (options: object) => {
    const watch = new TouchWatch(model, 2);
    const log = join(folder, 'workload.log');
    const running = await engine.start({
      ...{ model: path, tokens: 2, log, launch: watch.launchWith() },
      ...options,
    });
    watch.attach(running.pid);
    await running.done;
    return watch.stop();
  };
  await assert.rejects(run({ mmap: false }), { code: 'NO_TOUCHES', message: /has not mapped the model/ });
  await assert.rejects(run({ launch: {} }), { code: 'NO_TOUCHES', message: /no pass that could be watched/ });
});
