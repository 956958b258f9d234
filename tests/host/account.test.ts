// What becomes of every page that a reader of known touches reads: against the kernel's own text trace of the page cache and the
// reader's log of its touches, joined by the plainest means.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { beginChanges, undoChanges } from '../../src/machine/changes.js';
import { prepareCache } from '../../src/memory/cache-state.js';
import { MemoryCgroup } from '../../src/memory/cgroup.js';
import { setReadAhead } from '../../src/memory/readahead.js';
import { native } from '../../src/native/binding.js';
import { CacheWatch } from '../../src/touches/cache-watch.js';
import { commandEngine } from '../../src/workload/command.js';
import { mountedTracefs, tracefs } from './machine-state.js';

const pageBytes = 4096;
const fileBytes = 48 * 2 ** 20;
const limitBytes = 14 * 2 ** 20;
const readAheads = [0, 4, 32, 128, 512, 1024, 4096, 8192];

let folder: string;
let path: string;
let mounted: Disposable;

before(() => {
  mounted = mountedTracefs();
  folder = mkdtempSync('build/account-test-'); // on a disk
  execFileSync('cc', ['-O1', '-o', join(folder, 'toy-reader'), 'tests/host/toy-reader.c']);
  path = join(realpathSync(folder), 'file');
  writeFileSync(path, Buffer.alloc(fileBytes, 1), { flush: true });
});
after(() => {
  rmSync(folder, { recursive: true });
  mounted[Symbol.dispose]();
});

interface Fates {
  used: number;
  usedLater: number;
  neverUsed: number;
  stillCached: number;
  usedAgain: number;
}

/** Numbers below `below`, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = BigInt(seed) * 2654435761n + 88172645463325252n;
  return (below) => {
    state ^= (state << 13n) & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffffffffffffffffn;
    return Number((state & 0xffffffffffffffffn) % BigInt(below));
  };
}

/** Runs forward, jumps, and pages that are touched again. */
function orderOf(seed: number): number[] {
  const below = numbers(seed);
  const pages = fileBytes / pageBytes;
  const order: number[] = [];
  while (order.length < 3000) {
    const from = below(pages);
    const length = [1, 1, 1, 8, 64, 300][below(6)] as number;
    for (let page = from; page < Math.min(pages, from + length); page++) order.push(page);
    if (order.length > 100 && below(3) === 0) order.push(order[below(order.length)] as number);
  }
  return order;
}

/** The kernel's text trace of what comes into the page cache of the file, in an instance of its own. */
class TextTrace {
  readonly #folder = `${tracefs}/instances/blkscope-test-${process.pid}`;

  constructor() {
    mkdirSync(this.#folder);
    this.#write('trace_clock', 'mono');
    this.#write('buffer_size_kb', '65536');
    const { ino } = statSync(path);
    for (const event of ['add_to', 'delete_from']) {
      this.#write(`events/filemap/mm_filemap_${event}_page_cache/filter`, `i_ino == ${ino}`);
      this.#write(`events/filemap/mm_filemap_${event}_page_cache/enable`, '1');
    }
  }

  /** By page: when it came, in ns, and whether it is there in the end. */
  stop(): { added: Map<number, number[]>; there: Set<number> } {
    this.#write('tracing_on', '0');
    const added = new Map<number, number[]>();
    const there = new Set<number>();
    for (const line of readFileSync(join(this.#folder, 'trace'), 'utf8').split('\n')) {
      const found = /(\d+)\.(\d{6}): mm_filemap_(add|delete)\w+: .*ofs=(\d+) order=(\d+)/.exec(line);
      if (!found) continue;
      const [, seconds, microseconds, what, offset, order] = found;
      const time = Number(seconds) * 1e9 + Number(microseconds) * 1e3;
      const first = Number(offset) / pageBytes;
      for (let page = first; page < first + 2 ** Number(order); page++) {
        if (what === 'add') added.set(page, [...(added.get(page) ?? []), time]);
        if (what === 'add') there.add(page);
        else there.delete(page);
      }
    }
    rmdirSync(this.#folder);
    return { added, there };
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text);
  }
}

/** Each read of a page is of the touches up to its next read. */
function expected(
  { added, there }: ReturnType<TextTrace['stop']>,
  order: number[],
  log: BigUint64Array,
): Fates {
  const touched = new Map<number, number[]>();
  order.forEach((page, i) => {
    touched.set(page, [...(touched.get(page) ?? []), Number(log[i])]);
  });
  const pages: Fates = { used: 0, usedLater: 0, neverUsed: 0, stillCached: 0, usedAgain: 0 };
  for (const [page, times] of added) {
    const touches = touched.get(page) ?? [];
    const uses = times.map((from, i) =>
      touches.some((time) => time >= from && time < (times[i + 1] ?? Infinity)),
    );
    uses.forEach((use, i) => {
      if (use && uses.slice(0, i).includes(true)) pages.usedAgain++;
      if (use) pages.used++;
      else if (uses.slice(i + 1).includes(true)) pages.usedLater++;
      else if (i === uses.length - 1 && there.has(page)) pages.stillCached++;
      else pages.neverUsed++;
    });
  }
  return pages;
}

async function readBy(how: 'pread' | 'mmap', seed: number) {
  const changes = beginChanges();
  const order = orderOf(seed);
  const [orderFile, logFile] = [join(folder, 'order'), join(folder, 'log')];
  writeFileSync(orderFile, new BigUint64Array(order.map(BigInt)));
  try {
    setReadAhead(changes, native.fileDevice(path).disk, readAheads[seed % readAheads.length] as number);
    await prepareCache('cold', [path], {});
    const { procsFile } = MemoryCgroup.create(changes, limitBytes);
    const text = new TextTrace();
    const watch = new CacheWatch([path], null);
    const engine = commandEngine([join(folder, 'toy-reader'), path, how, orderFile, logFile]);
    const running = await engine.start({
      log: join(folder, 'workload.log'),
      launch: { cgroupProcsFile: procsFile, user: null, onSpawn: (pid) => watch.attach(pid) },
    });
    const { exitCode } = await running.done;
    const record = watch.stop();
    const traced = text.stop();
    assert.equal(exitCode, 0);
    assert.equal(record.lost, 0);
    const [whole] = [{ file: 0, offset: 0, bytes: fileBytes, whole: false }];
    const { unseen, ...fates } = record.fates([whole], []);
    const inPages = Object.fromEntries(
      Object.entries(fates).map(([name, [bytes = 0]]) => [name, bytes / pageBytes]),
    ) as unknown as Fates;
    const log = new BigUint64Array(new Uint8Array(readFileSync(logFile)).buffer);
    return { fates: inPages, unseen: (unseen[0] ?? 0) / pageBytes, right: expected(traced, order, log) };
  } finally {
    undoChanges(changes);
  }
}

test('a reader by pread: every class to the page, 20 seeds, readahead 0 to 8192 KiB', async () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const { fates, unseen, right } = await readBy('pread', seed);
    assert.deepEqual(fates, right, `seed ${seed}`);
    assert.equal(unseen, 0);
    for (const [name, pages] of Object.entries(right)) if (pages > 0) seen.add(name);
  }
  // Else the test would not tell one class from another.
  assert.deepEqual([...seen].sort(), ['neverUsed', 'stillCached', 'used', 'usedAgain', 'usedLater']);
});

test('a reader by mmap: what is told to be used was, and what may have been besides is told, 20 seeds', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { fates, unseen, right } = await readBy('mmap', seed);
    const sum = ({ used, usedLater, neverUsed, stillCached }: Fates) =>
      used + usedLater + neverUsed + stillCached;
    assert.equal(sum(fates), sum(right), `seed ${seed}`);
    assert.ok(
      fates.used <= right.used && right.used <= fates.used + unseen,
      `seed ${seed}: ${fates.used} ${right.used} ${unseen}`,
    );
    // Without readahead a fault brings in its own page alone.
    if (readAheads[seed % readAheads.length] === 0) assert.deepEqual(fates, right, `seed ${seed}`);
  }
});
