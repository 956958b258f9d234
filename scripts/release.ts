// Makes a release: prebuilds, one tarball, every check that can be made before publishing, and the publishing.
//   npm run release -- --dry-run     all but the publishing
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prebuildFaults } from './prebuild-stamp.js';
import { checkNativeTests, checkReproducible } from './release-builds.js';
import { run } from './zig.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'build/release');
const dryRun = process.argv.includes('--dry-run');

const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** What a person has to have done before. */
function checkSources(): void {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const changes = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  const faults = [
    ...(git('status', '--porcelain') === '' ? [] : ['there are changes that no commit holds']),
    ...(changes.includes(`\n## ${version}\n`) ? [] : [`CHANGELOG.md has no section ${version}`]),
    ...(/\n## Unreleased\n+\S/.test(changes)
      ? ['CHANGELOG.md has unreleased changes: give them a version']
      : []),
    ...(git('tag', '--list', `v${version}`) === '' ? [] : [`v${version} is released already`]),
  ];
  for (const fault of faults) console.error(`release: ${fault}${dryRun ? ' (only told, in a dry run)' : ''}`);
  if (faults.length > 0 && !dryRun) process.exit(1);
}

function pack(): string {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const options = ['--silent', '--pack-destination', folder];
  const printed = execFileSync('npm', ['pack', ...options], { cwd: root, encoding: 'utf8' });
  return join(folder, printed.trim().split('\n').at(-1) ?? '');
}

checkSources();
if (prebuildFaults().length > 0) run('npm', ['run', 'prebuilds'], { cwd: root });
checkReproducible();
checkNativeTests();
const tarball = pack();
process.env.BLKSCOPE_TARBALL = tarball;
run(process.execPath, [join(root, 'scripts/test.mjs'), 'package'], { cwd: root });
run('npm', ['publish', ...(dryRun ? ['--dry-run'] : []), tarball], { cwd: root });
console.log(`release: ${tarball} ${dryRun ? 'would be published' : 'is published'}`);
