// The package as its users have it: installed from the tarball into an empty folder, without its scripts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { installInto, nodeOf, prebuilt, root, tarball, temporaryFolder } from './tarball.js';

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'package.json'), '{"name":"consumer","private":true}');
const packed = tarball();
installInto(folder, packed, 'typescript@npm:typescript@5.4', 'newest@npm:typescript@^6', '@types/node@20');
const installed = join(folder, 'node_modules/blkscope');
const trace = join(root, 'tests/fixtures/blktrace/deadline.pipe.gz');
const programs = join(root, 'tests/package/programs');
cpSync(programs, folder, { recursive: true });

function runNode(node: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr } = spawnSync(node, args, options);
  return { status, stdout, stderr };
}

const cli = join(installed, 'dist/cli/main.js');
const { engines } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
  engines: { node: string };
};
const least = engines.node.replace('>=', '');

test('no dependency has a script that an installation would have to run', () => {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const packages = Object.entries(lock.packages as Record<string, { hasInstallScript?: boolean }>);
  assert.deepEqual(
    packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name),
    [],
  );
});

for (const version of [least, '20', '22', '24']) {
  test(`programs and commands run on Node ${version}`, () => {
    const node = nodeOf(version);
    const output = `run-${version}`;
    const ran = (...args: string[]) => {
      const result = runNode(node, args);
      assert.equal(result.status, 0, `${args.join(' ')}: ${result.stderr}${result.stdout}`);
      return result.stdout;
    };
    ran('sectors.mjs');
    ran('capture.mjs');
    ran('import.mjs', trace, output);
    ran('store.mjs', output);
    ran('common.cjs');
    assert.match(ran(cli, 'report', output), /read/);
    assert.match(ran(cli, 'compare', output, output), /read/);
    assert.match(ran(cli, 'query', output, 'SELECT count() AS n FROM event'), /\bn\b/);
    assert.match(ran(cli, '--version'), /^\d+\.\d+\.\d+\n$/);
  });
}

const reads = /^\d+ reads, true, 1073741824\n$/;

test('a program that is bundled as docs/api.md says runs on every version of Node', () => {
  const [, line = ''] =
    /^ {4}esbuild (program\.ts .*)$/m.exec(readFileSync(join(installed, 'docs/api.md'), 'utf8')) ?? [];
  const esbuild = join(root, 'node_modules/.bin/esbuild');
  const bundle = (words: readonly string[]) => {
    const { status, stderr } = spawnSync(esbuild, words, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  bundle(line.split(' '));
  for (const version of [least, '20', '22', '24']) {
    const { stdout, stderr } = runNode(nodeOf(version), ['program.mjs', trace, `bundled-${version}`]);
    assert.match(stdout, reads, stderr);
  }
  // The page says how a bundle in CommonJS loads it.
  writeFileSync(
    join(folder, 'later.ts'),
    "import('blkscope').then(({ parseSize }) => console.log(parseSize('1G')));\n",
  );
  bundle(line.replace('program.ts', 'later.ts').replace('=esm', '=cjs').replace('.mjs', '.cjs').split(' '));
  assert.equal(runNode(process.execPath, ['program.cjs']).stdout, '1073741824\n');
});

test('its programs run on arm64', { skip: !prebuilt && 'npm run prebuilds makes that build' }, () => {
  const emulated = temporaryFolder();
  try {
    writeFileSync(join(emulated, 'package.json'), '{"name":"consumer","private":true}');
    installInto(emulated, '--cpu=arm64', '--libc=glibc', packed);
    cpSync(programs, emulated, { recursive: true });
    const node = [nodeOf('22', 'arm64'), ...['--max-old-space-size=512']];
    const ran = (...args: string[]) => {
      const emulator = ['-L', '/usr/aarch64-linux-gnu', ...node, ...args];
      const { status, stderr } = spawnSync('qemu-aarch64-static', emulator, {
        cwd: emulated,
        encoding: 'utf8',
      });
      assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
    };
    ran('sectors.mjs');
    ran('capture.mjs');
    ran('import.mjs', trace, 'run');
    ran('store.mjs', 'run');
    ran('node_modules/blkscope/dist/cli/main.js', 'report', 'run');
  } finally {
    rmSync(emulated, { recursive: true });
  }
});

test('without llama.cpp, a run and the demo say both ways out', () => {
  const env = { PATH: '/usr/bin:/bin', LLAMA_CLI: '' };
  assert.equal(
    runNode(process.execPath, [cli, 'synthesize', '--preset', 'tiny-llama', '-o', 'tiny.gguf']).status,
    0,
  );
  for (const args of [['run', '--mount', '--model', 'tiny.gguf'], ['demo']]) {
    const { status, stderr } = runNode(process.execPath, [cli, ...args], env);
    assert.equal(status, 3, stderr);
    assert.match(
      stderr,
      /no llama\.cpp was named .*--llama or \$LLAMA_CLI, .*npm install 'node-llama-cpp@.*'\n$/,
    );
  }
});

/** What can be done with a run wherever the native part does not load. */
function worksWithout(env: NodeJS.ProcessEnv, reason: RegExp): void {
  const node = process.execPath;
  const run = `run-${least}`;
  for (const args of [
    ['report', run],
    ['compare', run, run],
    ['query', run, 'SELECT count() FROM event'],
  ]) {
    const { status, stderr } = runNode(node, [cli, ...args], env);
    assert.equal(status, 0, stderr);
  }
  assert.equal(runNode(node, ['store.mjs', run], env).status, 0);
  const doctor = runNode(node, [cli, 'doctor', '--json'], env);
  assert.equal(doctor.status, 3);
  assert.match(doctor.stdout, reason);
  assert.match(doctor.stdout, /"mend": ".*rebuild\.mjs/);
  const others = [
    ['import', trace, '-o', 'never'],
    ['map', cli],
    ['record', '--file', cli, '--duration', '1', '-o', 'never'],
    ['lock', '1M'],
    ['recover'],
  ];
  for (const args of others) {
    const { status, stderr } = runNode(node, [cli, ...args], env);
    assert.equal(status, 3, `${args.join(' ')}: ${stderr}`);
    const last = stderr.trimEnd().split('\n').at(-1) ?? '';
    assert.match(last, reason, args.join(' '));
    assert.match(last, /rebuild\.mjs/);
  }
  assert.ok(!readdirSync(folder).includes('never'));
}

test('without a build for the machine, runs can be read, and all else says what to do', () => {
  worksWithout(
    { BLKSCOPE_PREBUILD: join(folder, 'nowhere') },
    /no build of blkscope's native part for linux/,
  );
});

test('the same where the file is damaged', () => {
  const damaged = join(folder, 'damaged');
  const own = join(damaged, `prebuilds/linux-${process.arch}`);
  mkdirSync(own, { recursive: true });
  copyFileSync(cli, join(own, 'blkscope.glibc.node'));
  worksWithout(
    { BLKSCOPE_PREBUILD: damaged },
    /native part cannot be loaded \(.*(invalid ELF|file too short)/,
  );
});

const consumers = {
  nodenext: { file: 'consumer.mts', module: 'nodenext', moduleResolution: 'nodenext' },
  'node16 as an ES module': { file: 'consumer.mts', module: 'node16', moduleResolution: 'node16' },
  'node16 as CommonJS': { file: 'consumer.cts', module: 'node16', moduleResolution: 'node16' },
  bundler: { file: 'consumer.mts', module: 'esnext', moduleResolution: 'bundler' },
};
for (const compiler of ['typescript', 'newest']) {
  const { version } = JSON.parse(
    readFileSync(join(folder, 'node_modules', compiler, 'package.json'), 'utf8'),
  );
  for (const [name, { file, module, moduleResolution }] of Object.entries(consumers)) {
    test(`its types are whole for TypeScript ${version}, ${name}`, () => {
      const tsc = join(folder, 'node_modules', compiler, 'bin/tsc');
      const options = [
        '--strict',
        '--noEmit',
        '--skipLibCheck',
        'false',
        '--target',
        'es2022',
        '--types',
        'node',
      ];
      const how = ['--module', module, '--moduleResolution', moduleResolution];
      const { status, stdout } = runNode(process.execPath, [tsc, ...options, ...how, file]);
      assert.equal(status, 0, stdout);
    });
  }
}
