// Packages of another Debian suite than this machine's, unpacked into a folder instead of installed: a guest's
// kernels, a newer llama.cpp. The machine's own mirror and keyring are used, with an apt state of its own under
// vendor/apt/SUITE, so that neither the machine's package lists nor its installed packages are touched.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const APT_STATES = fileURLToPath(new URL('../vendor/apt/', import.meta.url));

/**
 * Fetches packages of a Debian suite and unpacks them (dpkg-deb -x: files only, no maintainer scripts) into a folder
 * that appears whole or not at all. Needs no root.
 *
 * @param {string} suite such as 'bookworm', 'trixie-backports' or 'forky'
 * @param {string[]} packages names
 * @param {string} intoDir replaced when it exists
 * @param {{ follow?: RegExp }} [options] follow: dependencies whose names match are fetched too, and theirs
 * @returns {{ name: string, version: string }[]} what was unpacked
 * @throws {Error} one line: no mirror in apt's sources, an unknown package, or apt's own complaint
 */
export function download(suite, packages, intoDir, { follow } = {}) {
  const apt = openSuite(suite);
  const wanted = withDependencies(apt, packages, follow);
  mkdirSync(dirname(intoDir), { recursive: true });
  const partial = mkdtempSync(`${intoDir}.partial-`);
  chmodSync(partial, 0o755);
  const debs = join(partial, '.debs');
  mkdirSync(debs);
  try {
    apt.run('apt-get', ['download', ...wanted.map(({ name, version }) => `${name}=${version}`)], debs);
    for (const deb of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, deb), partial]);
    rmSync(debs, { recursive: true });
    rmSync(intoDir, { recursive: true, force: true });
    renameSync(partial, intoDir);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
  return wanted;
}

/**
 * The version of a package in a suite; null: it has none, or there is no such suite.
 *
 * @param {string} suite
 * @param {string} name
 * @returns {string | null}
 */
export function versionIn(suite, name) {
  try {
    return showPackage(openSuite(suite), name).version;
  } catch {
    return null;
  }
}

/** An apt that sees this one suite and no installed package; its lists are brought up to date first. */
function openSuite(suite) {
  const state = join(APT_STATES, suite);
  for (const folder of ['lists/partial', 'archives/partial', 'sources.d']) {
    mkdirSync(join(state, folder), { recursive: true });
  }
  const sources = join(state, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${mirrorUri()} ${suite} main\n`);
  writeFileSync(join(state, 'status'), '');
  const options = Object.entries({
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': join(state, 'sources.d'),
    'Dir::Etc::preferencesparts': join(state, 'sources.d'),
    'Dir::State': state,
    'Dir::State::lists': join(state, 'lists'),
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': state,
    'Dir::Cache::archives': join(state, 'archives'),
    'APT::Sandbox::User': 'root', // apt's own user may not be able to enter a checkout under /root
    'APT::Get::List-Cleanup': 'false',
    'Acquire::Retries': '3',
  }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const run = (program, args, cwd) => runProgram(program, [...options, ...args], cwd);
  run('apt-get', ['-q', 'update']);
  return { suite, run, names: run('apt-cache', ['pkgnames']).split('\n') };
}

/** The archive that this machine's own release comes from, as apt's sources name it. */
function mirrorUri() {
  const system = readFileSync('/etc/os-release', 'utf8');
  if (!/^ID=debian$/m.test(system)) {
    throw new Error(
      'the host and vm tests take llama.cpp and guest kernels from Debian suites: run them on Debian',
    );
  }
  const release = /^VERSION_CODENAME=(.*)$/m.exec(system)?.[1];
  const own = aptSources().find(
    ({ suites, components }) => suites.includes(release) && components.includes('main'),
  );
  if (!own) {
    throw new Error(
      `no apt source for this machine's release (${release}, main) under /etc/apt: this needs Debian`,
    );
  }
  return own.uri;
}

function aptSources() {
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  ].filter((file) => existsSync(file));
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.sources')) return deb822Sources(text);
    return file.endsWith('.list') ? oneLineSources(text) : [];
  });
}

function deb822Sources(text) {
  const stanzas = text.replace(/^#.*\n/gm, '').split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const field = (name) =>
      (new RegExp(`^${name}:(.*(?:\n[ \t].*)*)`, 'mi').exec(stanza)?.[1] ?? '').trim().split(/\s+/);
    if (!field('Types').includes('deb') || field('Enabled')[0] === 'no') return [];
    return field('URIs').map((uri) => ({ uri, suites: field('Suites'), components: field('Components') }));
  });
}

function oneLineSources(text) {
  return [...text.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#\n]*)/gm)].map(
    ([, uri, suite, components]) => ({
      uri,
      suites: [suite],
      components: components.trim().split(/\s+/),
    }),
  );
}

function withDependencies(apt, names, follow) {
  const found = new Map();
  const queue = [...names];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (found.has(name)) continue;
    const record = showPackage(apt, name);
    found.set(name, { name, version: record.version });
    if (follow) queue.push(...record.depends.filter((each) => follow.test(each) && apt.names.includes(each)));
  }
  return [...found.values()];
}

/** Version and dependencies of a package; of alternatives (a | b) only the first counts, as for apt. */
function showPackage(apt, name) {
  const text = apt.names.includes(name) ? apt.run('apt-cache', ['show', '--no-all-versions', name]) : '';
  const field = (key) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
  if (!field('Version')) throw new Error(`Debian ${apt.suite} has no package ${name}`);
  const depends = [field('Pre-Depends'), field('Depends')]
    .filter(Boolean)
    .join(', ')
    .split(', ')
    .filter(Boolean);
  return { version: field('Version'), depends: depends.map((each) => each.split(/[ :(|]/, 1)[0]) };
}

function runProgram(program, args, cwd) {
  try {
    const options = { cwd, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] };
    return execFileSync(program, args, options);
  } catch (error) {
    const complaint = String(error.stderr ?? '')
      .split('\n')
      .find((line) => line.startsWith('E:'));
    throw new Error(`${program} failed: ${complaint ?? error.message.split('\n')[0]}`);
  }
}
