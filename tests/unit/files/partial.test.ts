import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { leftovers, PartialFile, PartialFolder, removeLeftovers } from '../../../src/files/partial.js';

let parent: string;
before(() => {
  parent = mkdtempSync(join(tmpdir(), 'blkscope-partial-'));
});
after(() => rmSync(parent, { recursive: true }));

/** Makes a half-written folder and file in a process that is killed, and returns their names. */
function leftByKilled(folder: string): string[] {
  const module = new URL('../../../src/files/partial.ts', import.meta.url).href;
  const script = `import { PartialFile, PartialFolder } from '${module}';
    import { writeFileSync } from 'node:fs';
    const folder = PartialFolder.beside('${folder}/run');
    writeFileSync(folder.file('trace.duckdb'), 'half');
    PartialFile.beside('${folder}/model.gguf');
    process.kill(process.pid, 'SIGKILL');`;
  const killed = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
  assert.equal(killed.signal, 'SIGKILL', killed.stderr.toString());
  return readdirSync(folder);
}

test('what a killed session left is told and removed, and nothing else is', () => {
  const place = join(parent, 'shared');
  mkdirSync(place);
  const left = leftByKilled(place);
  assert.equal(left.length, 2);
  const living = PartialFolder.beside(join(place, 'living'));
  const others = [
    'earlier', // a whole run
    '.of-a-user.0123456789abcdef.partial', // named so by somebody: what is in it is his
    ...readdirSync(place).filter((name) => name.startsWith('.living.')),
  ];
  for (const name of others.slice(0, 2)) {
    mkdirSync(join(place, name));
    writeFileSync(join(place, name, 'trace.duckdb'), 'kept');
  }
  assert.deepEqual(leftovers(place), []); // the living one has cleared up before it began
  const again = leftByKilled(place).filter((name) => !others.includes(name));
  assert.deepEqual(leftovers(place).sort(), again.map((name) => join(place, name)).sort());
  assert.deepEqual(removeLeftovers(place).sort(), again.map((name) => join(place, name)).sort());
  assert.deepEqual(removeLeftovers(join(place, 'absent')), []);
  assert.deepEqual(readdirSync(place).sort(), others.sort());
  living.discard();
});

test('a folder that was moved away and replaced by a link is still written where it is', () => {
  const place = join(parent, 'moved');
  const victim = join(parent, 'victim');
  mkdirSync(place);
  mkdirSync(victim);
  const folder = PartialFolder.beside(join(place, 'run'));
  const [name] = readdirSync(place) as [string];
  spawnSync('mv', [join(place, name), join(place, 'away')]);
  symlinkSync(victim, join(place, name));
  writeFileSync(folder.file('summary.json'), '{}');
  assert.throws(() => folder.publish('run'), { name: 'BlkscopeError', code: 'MOVED' });
  assert.deepEqual(readdirSync(victim), []);
  assert.equal(readFileSync(join(place, 'away', 'summary.json'), 'utf8'), '{}');
});

test('a name that is taken meanwhile, by a link to nowhere too, is not written through', () => {
  const target = join(parent, 'taken');
  const file = PartialFile.beside(target);
  symlinkSync(join(parent, 'nowhere'), target);
  assert.throws(() => file.publish('taken'), { code: 'EEXIST' });
  file.discard();
  assert.ok(!existsSync(join(parent, 'nowhere')));
  assert.ok(!readdirSync(parent).some((name) => name.startsWith('.taken.')));
});

test('a folder that a thread still writes to is removed whole', async () => {
  const place = join(parent, 'written');
  mkdirSync(place);
  const folder = PartialFolder.beside(join(place, 'run'));
  const writing = `const { writeFileSync } = require('node:fs');
    const { workerData: folder, parentPort } = require('node:worker_threads');
    parentPort.postMessage('began');
    try {
      for (let i = 0, end = Date.now() + 100; Date.now() < end; i++) writeFileSync(folder + '/' + i, 'x');
    } catch {} // it is gone`;
  const writer = new Worker(writing, { eval: true, workerData: folder.path });
  await new Promise((resolve) => writer.once('message', resolve));
  await sleep(20);
  folder.discard();
  assert.deepEqual(readdirSync(place), []);
  await writer.terminate();
});
