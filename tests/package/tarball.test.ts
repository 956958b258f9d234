// What is in the tarball, and what its binaries need of a machine.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { prebuilds } from '../../scripts/prebuild-stamp.js';
import { prebuilt, root, tarball, temporaryFolder, unpacked } from './tarball.js';

const folder = temporaryFolder();
after(() => rmSync(folder, { recursive: true }));
const content = unpacked(tarball(), folder);
const files = readdirSync(content, { recursive: true, encoding: 'utf8' });
const addons = files.filter((name) => name.endsWith('.node'));

test('the tarball has what runs, what is read, and what builds the native part; and nothing else', () => {
  const folders = new Set(files.map((name) => name.split('/')[0]));
  const expected = [
    'dist',
    'docs',
    'examples',
    'man',
    'native',
    'prebuilds',
    'scripts',
    'CMakeLists.txt',
    'package.json',
  ];
  const pages = ['README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md'];
  assert.deepEqual([...folders].sort(), [...expected, ...pages].sort());
  assert.deepEqual(
    files.filter((name) => name.startsWith('scripts/')),
    ['scripts/rebuild.mjs'],
  );
  if (prebuilt) assert.deepEqual(addons.sort(), [...prebuilds].sort());
  else assert.equal(addons.length, 1, 'without npm run prebuilds: that of this machine');
  // Beside each addon lies what `run --touches` loads into llama.cpp.
  const beside = addons.map((name) => name.replace(/\.node$/, '.touches.so'));
  assert.deepEqual(files.filter((name) => name.endsWith('.so')).sort(), beside.sort());
});

test('links of its pages lead to pages of it', () => {
  const pages = files.filter((name) => name.endsWith('.md'));
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(content, page), 'utf8').matchAll(/\]\(([^)\s#]+)[^)]*\)/g)]
      .map(([, link]) => `${link}`)
      .filter((link) => !/^[a-z]+:/.test(link) && !existsSync(join(content, dirname(page), link)))
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test('what package.json names is there', () => {
  const manifest = JSON.parse(readFileSync(join(content, 'package.json'), 'utf8'));
  const entries = Object.values(manifest.exports as Record<string, string | Record<string, string>>);
  const named = [...entries.flatMap((entry) => (typeof entry === 'string' ? entry : Object.values(entry)))];
  for (const path of [...named, ...Object.values(manifest.bin as Record<string, string>)]) {
    assert.ok(existsSync(join(content, path)), path);
  }
  for (const key of [
    'repository',
    'bugs',
    'homepage',
    'keywords',
    'license',
    'cpu',
    'libc',
    'os',
    'engines',
  ]) {
    assert.ok(manifest[key], key);
  }
});

test('nothing is packed where a prebuild is missing or old', { skip: prebuilt && 'all are there' }, () => {
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'prepack'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /nothing is packed; run 'npm run prebuilds'/);
});

function readelf(addon: string, ...options: string[]): string {
  return execFileSync('readelf', ['-W', ...options, join(content, addon)], { encoding: 'utf8' });
}

/** What musl's C library has; of all processors the same. */
const muslSymbols = () =>
  new Set(
    [
      ...execFileSync('readelf', ['-W', '--dyn-syms', '/lib/ld-musl-x86_64.so.1'], {
        encoding: 'utf8',
      }).matchAll(/DEFAULT +\d+ (\S+)$/gm),
    ].map(([, name]) => `${name}`),
  );

for (const addon of addons) {
  test(`${addon} asks for nothing that neither Node nor the C library has`, () => {
    const asked = [...readelf(addon, '--dyn-syms').matchAll(/GLOBAL +DEFAULT +UND (\S+)/gm)];
    const others = asked.map(([, name]) => `${name}`).filter((name) => !/^(napi|node_api)_/.test(name));
    const musl = addon.includes('musl') ? muslSymbols() : new Set<string>();
    assert.ok(others.length > 50);
    // Other C libraries tell the version of what they have.
    assert.deepEqual(
      others.filter((name) => !name.includes('@') && !musl.has(name)),
      [],
    );
  });
}

for (const addon of addons) {
  test(`${addon} is hardened`, () => {
    const segments = readelf(addon, '-l');
    assert.match(segments, /GNU_RELRO/);
    assert.match(segments, /GNU_STACK .* RW /, 'the stack is not executable');
    assert.match(readelf(addon, '-d'), /BIND_NOW|FLAGS_1.*NOW/, 'all symbols are bound before RELRO closes');
    const symbols = readelf(addon, '--dyn-syms');
    assert.match(symbols, /__stack_chk_fail/);
    // musl has no fortified functions.
    if (!addon.includes('musl')) assert.match(symbols, /__\w+_chk\b/, 'FORTIFY');
  });

  test(`${addon} shows no place where it was built, and exports its registration alone`, () => {
    const bytes = readFileSync(join(content, addon), 'latin1');
    assert.ok(!bytes.includes(root.slice(0, -1)), 'a path of the builder');
    const exported = [
      ...readelf(addon, '--dyn-syms').matchAll(/(?:GLOBAL|WEAK|UNIQUE) +DEFAULT +\d+ (\S+)/g),
    ];
    // The C library's own take the place of guards that the compiler brought.
    const names = exported
      .map(([, name]) => `${name}`)
      .filter((name) => !/^__(stack_chk_|\w+_chk$)/.test(name));
    assert.deepEqual(names.sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });

  test(`${addon} loads on old systems`, { skip: !prebuilt && 'the build of this machine' }, () => {
    const needed = [...readelf(addon, '-d').matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => `${name}`);
    assert.deepEqual(
      needed.filter((name) => /stdc\+\+|libgcc/.test(name)),
      [],
    );
    const versions = [...readelf(addon, '-V').matchAll(/Name: (\w+)_([\d.]+)/g)];
    for (const [, library, version = ''] of versions) {
      assert.equal(library, 'GLIBC');
      const [major = 0, minor = 0] = version.split('.').map(Number);
      assert.ok(major === 2 && minor <= 28, `GLIBC_${version}`);
    }
  });
}
