// The package in roots that hold a minimal Debian and nothing to compile with: a current one, and one whose C library is
// older than that of most builders.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { installInto, nodeOf, prebuilt, root, tarball, temporaryFolder } from './tarball.js';

const consumer = temporaryFolder();
after(() => rmSync(consumer, { recursive: true }));
writeFileSync(join(consumer, 'package.json'), '{"name":"consumer","private":true}');
installInto(consumer, tarball());
copyFileSync(join(root, 'tests/fixtures/blktrace/deadline.pipe.gz'), join(consumer, 'trace.gz'));

/** A minimal system, kept in build/roots. Its folder, or why it cannot be had. */
function minimalRoot(suite: string): { folder: string } | { failure: string } {
  const folder = join(root, `build/roots/${suite}`);
  if (existsSync(folder)) return { folder };
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const { status, stdout } = spawnSync('debootstrap', ['--variant=minbase', suite, partial], {
    encoding: 'utf8',
  });
  if (status !== 0) return { failure: stdout.trim().split('\n').at(-1) ?? 'debootstrap failed' };
  renameSync(partial, folder);
  return { folder };
}

/** `args` of Node in the root, as in a container: with its own processes, and no way to this system's files. */
function inRoot(folder: string, args: readonly string[]) {
  const inside = ['chroot', folder, '/usr/bin/env', '-i', '-C', '/consumer', '/node', ...args];
  const namespaces = ['--mount', '--pid', '--fork', `--mount-proc=${folder}/proc`];
  const { status, stdout, stderr } = spawnSync('unshare', [...namespaces, ...inside], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

const cli = 'node_modules/blkscope/dist/cli/main.js';
const suites = [
  { suite: 'bookworm', loads: true },
  // Only prebuilds are made for a C library as old as this one's.
  { suite: 'bullseye', loads: prebuilt },
];
for (const { suite, loads } of suites) {
  test(`installed without scripts, it runs in a bare ${suite}`, (t) => {
    const made = minimalRoot(suite);
    // A suite that is no more on Debian's mirrors is no fault of ours; that of today has to be there.
    if ('failure' in made && suite !== 'bookworm') return t.skip(made.failure);
    assert.ok('folder' in made, 'failure' in made ? made.failure : '');
    const { folder } = made;
    for (const compiler of ['cc', 'g++', 'make', 'cmake'])
      assert.ok(!existsSync(join(folder, 'usr/bin', compiler)));
    rmSync(join(folder, 'consumer'), { recursive: true, force: true });
    cpSync(consumer, join(folder, 'consumer'), { recursive: true });
    copyFileSync(nodeOf('20'), join(folder, 'node'));
    const ran = (...args: string[]) => inRoot(folder, [cli, ...args]);
    const imported = ran('import', 'trace.gz', '-o', 'run');
    if (loads) assert.equal(imported.status, 0, imported.stderr);
    else {
      assert.equal(imported.status, 3);
      assert.match(imported.stderr, /native part cannot be loaded \(.*GLIBC.*rebuild\.mjs.*\n$/);
      const { stderr } = spawnSync(
        process.execPath,
        [cli, 'import', 'trace.gz', '-o', join(folder, 'consumer/run')],
        {
          cwd: consumer,
          encoding: 'utf8',
        },
      );
      assert.ok(existsSync(join(folder, 'consumer/run')), stderr);
    }
    for (const args of [
      ['report', 'run'],
      ['compare', 'run', 'run'],
      ['query', 'run', 'SELECT count() FROM event'],
    ]) {
      const { status, stderr } = ran(...args);
      assert.equal(status, 0, `${args[0]}: ${stderr}`);
    }
    assert.match(ran('doctor').stdout, loads ? /found +native part/ : /missing +native part/);
    rmSync(join(folder, 'consumer'), { recursive: true });
  });
}
