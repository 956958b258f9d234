import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { benchTables, readResults, withBenches, withoutBenches } from '../../../scripts/docs-bench.js';
import { filled, made } from '../../../scripts/docs-tables.js';
import { commands } from '../../../src/cli/commands.js';
import { exitCodes } from '../../../src/errors.js';
import { summarySchemaVersion } from '../../../src/figures/summary-version.js';
import { storeSchemaVersion } from '../../../src/store/schema.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const manuals = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.md'),
);
const pages = ['README.md', 'CONTRIBUTING.md', ...manuals.map((name) => `docs/${name}`)];
const texts = new Map(pages.map((page) => [page, readFileSync(join(root, page), 'utf8')]));

test('every link to a file or heading of the project leads somewhere', () => {
  const broken = links().filter(({ page, path, anchor }) => {
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, target))) return true;
    return anchor !== '' && !anchorsOf(target).has(anchor);
  });
  assert.deepEqual(broken, []);
});

test('versions of the schemas in the documents are those of the code', () => {
  const told = (page: string, pattern: RegExp) => Number(pattern.exec(texts.get(page) ?? '')?.[1]);
  assert.equal(told('docs/cli.md', /`summary\.json` \| the figures, schema (\d+)/), summarySchemaVersion);
  assert.equal(told('docs/store.md', /^## Tables, schema (\d+)$/m), storeSchemaVersion);
});

test('every command and option in the documents exists', async () => {
  const known = new Map<string, Set<string>>();
  for (const [name, load] of Object.entries(commands)) known.set(name, optionsOf(await load()));
  const anyOption = new Set([...known.values()].flatMap((options) => [...options]));
  const wrong = codeSpans().flatMap(({ page, code }) => {
    const found = invocation(code, known);
    if (found) {
      const options = known.get(found.command);
      if (!options) return [`${page}: no command ${found.command}: ${code}`];
      return found.options.filter((o) => !options.has(o)).map((o) => `${page}: ${found.command} has no ${o}`);
    }
    const alone = /^(--[a-z][a-z-]+)/.exec(code)?.[1];
    return alone && !anyOption.has(alone) && !foreign.has(alone) ? [`${page}: no command has ${alone}`] : [];
  });
  assert.deepEqual(wrong, []);
});

test('the page of the command line lists every command and exit code', () => {
  const page = `${texts.get('docs/cli.md')}`;
  assert.deepEqual(
    Object.keys(commands).filter((name) => !page.includes(`| \`blkscope ${name}`)),
    [],
  );
  assert.deepEqual(
    Object.values(exitCodes).filter((code) => !page.includes(`\n| ${code} |`)),
    [],
  );
});

test('the tables of figures, tables and views are those of the sources', () => {
  const stale = pages.filter((page) => filled(`${texts.get(page)}`) !== texts.get(page));
  assert.deepEqual(stale, [], 'run npm run docs:tables');
  const all = [...texts.values()].join('');
  const unshown = Object.keys(made).filter((name) => !all.includes(`<!-- table ${name}:`));
  assert.deepEqual(unshown, [], 'a table that no page holds');
});

test('the tables of performance.md are those of the bench, and nothing else there is a measured figure', () => {
  const page = `${texts.get('docs/performance.md')}`;
  const tables = benchTables(readResults());
  assert.equal(withBenches(page, tables), page, 'run npm run docs:bench');
  const unshown = Object.keys(tables).filter((name) => !page.includes(`<!-- bench ${name}:`));
  assert.deepEqual(unshown, [], 'a table that the page does not hold');
  const measured = /\d[\d.,]* (ns|µs|us|ms|s|seconds|%|[KMG]i?B|[KMG]i?B\/s|reads\/s)(?=\W|$)/g;
  assert.deepEqual([...withoutBenches(page).matchAll(measured)].map(String), []);
});

test('the page of the architecture has every folder of the sources', () => {
  const page = `${texts.get('docs/architecture.md')}`;
  const folders = ['src', 'native'].flatMap((sources) =>
    readdirSync(join(root, sources), { withFileTypes: true }).filter((entry) => entry.isDirectory()),
  );
  assert.deepEqual(
    folders.map(({ name }) => name).filter((name) => !page.includes(`\n| \`${name}\` |`)),
    [],
  );
});

test('every npm script, path and kind of test in the documents exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const wrong = codeSpans().flatMap(({ page, code }) => {
    const missing = [...code.matchAll(/npm run ([a-z:]+)/g)].filter(([, name]) => !(`${name}` in scripts));
    const paths = [
      ...code.matchAll(/(?:^|[ `(])((?:src|native|tests|bench|scripts|docs)\/[\w./-]*\w)/g),
    ].filter(([, path]) => !existsSync(join(root, `${path}`)));
    return [...missing, ...paths].map(([, name]) => `${page}: there is no ${name}`);
  });
  assert.deepEqual(wrong, []);
});

/** Options that the documents name and that belong to llama.cpp, blkparse or a benchmark, not to blkscope. */
const foreign = new Set([
  ...[
    '--load-mode',
    '--no-mmap',
    '--direct-io',
    '--lazy-mode',
    '--cpu-moe',
    '--n-cpu-moe',
    '--no-repack',
    '--log-file',
    '--spec-type',
  ],
  ...['--enable-log-requests', '--enable-log-outputs', '--log-requests'],
  ...['--rounds', '--only', '--run'],
]);

function links(): { page: string; path: string; anchor: string }[] {
  return [...texts].flatMap(([page, text]) =>
    [...text.matchAll(/\]\(([^)\s]*)\)/g)]
      .map(([, link]) => `${link}`)
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => {
        const [path = '', anchor = ''] = link.split('#');
        return { page, path, anchor };
      }),
  );
}

/** Those that a page names itself, and those that GitHub makes of headings: of the same ones the second gets -1, and so on. */
function anchorsOf(page: string): Set<string> {
  const text = `${texts.get(page)}`;
  const times = new Map<string, number>();
  const named = [...text.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => `${id}`);
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => `${heading}`);
  return new Set([
    ...named,
    ...headings.map((heading) => {
      const anchor = heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-');
      const before = times.get(anchor) ?? 0;
      times.set(anchor, before + 1);
      return before === 0 ? anchor : `${anchor}-${before}`;
    }),
  ]);
}

/** Inline code, and the lines of code blocks, be they fenced or indented; the reference of the API is made from the sources. */
function codeSpans(): { page: string; code: string }[] {
  const written = [...texts].filter(([page]) => !page.startsWith('docs/api/'));
  return written.flatMap(([page, text]) => {
    const fenced = [...text.matchAll(/^```\w*\n(.*?)^```$/gms)].flatMap(([, block]) =>
      `${block}`.split('\n'),
    );
    const prose = text.replace(/^```\w*\n.*?^```$/gms, '');
    const indented = [...prose.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => `${line}`);
    const inline = [...prose.matchAll(/`([^`]+)`/g)].map(([, code]) => `${code}`);
    return [...fenced, ...indented, ...inline].map((code) => ({
      page,
      code: code.replace(/\s+/g, ' ').trim(),
    }));
  });
}

/** A call of blkscope, written with its name or, as in `run --stream`, without; comments and what follows -- left out. */
function invocation(
  code: string,
  known: ReadonlyMap<string, unknown>,
): { command: string; options: string[] } | null {
  const [call = ''] = code.split(/ -- | {2}#| #/);
  const named = /(?:^|\s)blkscope ([a-z]+)\b(.*)/.exec(call);
  const short = /^([a-z]+)((?: [A-Z.]+)? -.*)$/.exec(call);
  const [, command, rest] = named ?? (short && known.has(`${short[1]}`) ? short : []);
  if (command === undefined) return null;
  const options = [...`${rest}`.matchAll(/(?<=\s|\[)(--?[a-zA-Z][a-zA-Z-]*)/g)].map(
    ([, option]) => `${option}`,
  );
  return { command, options };
}

function optionsOf(command: Command): Set<string> {
  const names = command.options.flatMap(({ short, long }) => [short, long]);
  return new Set([...names, '--help', '-h'].filter((name) => name !== undefined));
}
