// Two builds of one commit in two places agree byte by byte. A few files of the core, of every kind, stand for all here: `npm
// run release -- --dry-run` compares whole builds.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'blkscope-reproducible-'));
after(() => rmSync(folder, { recursive: true }));

const sources = ['decode/record.cc', 'system/journal.cc', 'saved/time_check.cc', 'touches/seen_touches.cc'];

/** The objects of a build in a folder of this name, by their sources. */
function objects(name: string): Map<string, Buffer> {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  for (const source of ['native', 'CMakeLists.txt', 'package.json'])
    cpSync(join(root, source), join(place, source), { recursive: true });
  const build = join(place, 'build');
  const options = ['-G', 'Unix Makefiles', '-DCMAKE_BUILD_TYPE=Release'];
  execFileSync('cmake', ['-S', place, '-B', build, ...options], { stdio: 'ignore' });
  execFileSync('make', ['-C', build, ...sources.map((source) => `native/${source}.o`)], { stdio: 'ignore' });
  return new Map(
    sources.map((source) => [
      source,
      readFileSync(join(build, 'CMakeFiles/blkscope_core.dir/native', `${source}.o`)),
    ]),
  );
}

test('two builds in folders of other names and lengths are the same', () => {
  const [one, other] = [objects('a'), objects('another/place/for/the/same')];
  for (const [source, bytes] of one) {
    assert.ok(bytes.length > 1000);
    assert.ok(other.get(source)?.equals(bytes), source);
    assert.ok(!bytes.includes(folder), `${source} names the folder that it was built in`);
  }
});
