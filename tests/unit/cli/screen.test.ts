import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commands } from '../../../src/cli/commands.js';
import { renderAdvice, renderVerified } from '../../../src/report/advice.js';
import { renderGroups } from '../../../src/report/compare-groups.js';
import { widthOf } from '../../../src/report/fit.js';
import { sectionNames } from '../../../src/report/section-names.js';
import { renderReport } from '../../../src/report/terminal.js';
import { openRun } from '../../../src/store/open-run.js';
import { summaryFixture } from '../figures/summary-fixture.js';
import { writeStoredRun } from '../store/stored-run.js';
import { adviceFixture } from './advice-fixture.js';

const cli = new URL('../../../dist/cli/main.js', import.meta.url).pathname;
const columns = 80;
const evil = '/models/<script>alert(1)</script>\x1b[2J\nname\u202egnp.gguf';

let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blkscope-screen-'));
  for (const name of ['a-run-with-a-long-name-of-its-own-0', 'a-run-with-a-long-name-of-its-own-1', 'evil']) {
    const run = join(folder, name);
    await writeStoredRun(run, [{ time: 600, sector: 1000, sectors: 8 }], 8);
    const path = join(run, 'summary.json');
    const summary = JSON.parse(readFileSync(path, 'utf8'));
    if (name === 'evil') {
      summary.model.files = [evil];
      summary.workload.engine = evil;
      summary.source.device = 'vda\x1b]0;owned\x07';
      summary.model.roles = [
        {
          ...summary.model,
          name: `role\x1b[31m${'x'.repeat(100)}`,
          reads: 1,
          generationBytes: 1,
          bytesPerToken: 1,
          firstNs: 1,
          lastNs: 2,
        },
      ];
    }
    writeFileSync(path, JSON.stringify(summary));
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

const call = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: String(columns), NO_COLOR: '', ...env },
  });

function assertFits(text: string, what: string): void {
  for (const line of text.split('\n'))
    assert.ok(widthOf(line) <= columns, `${what}: ${widthOf(line)}: ${line}`);
}

const runs = ['a-run-with-a-long-name-of-its-own-0', 'a-run-with-a-long-name-of-its-own-1'];
const printing: string[][] = [
  ['report', runs[0] as string],
  ['report', runs[0] as string, '--all'],
  ['report', 'evil', '--all'],
  ['report', 'evil', '--regions'],
  ['report', 'evil'],
  ['compare', ...runs],
  ['compare', ...runs, 'evil'],
  ['doctor', '.'],
  ['map', cli],
];

for (const args of printing) {
  test(`${args.join(' ')}: no line is longer than ${columns} columns, and nothing steers the terminal`, () => {
    const { stdout, stderr, status } = call(args);
    assert.ok(status === 0 || args[0] === 'doctor' || args[0] === 'map', stderr);
    assertFits(stdout, args.join(' '));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.doesNotMatch(stdout, /undefined|NaN|\[object/);
  });
}

test('the help of every command fits', async () => {
  for (const [name, load] of Object.entries(commands)) {
    const command = (await load()).configureOutput({ getOutHelpWidth: () => columns });
    assertFits(command.helpInformation(), name);
  }
  assertFits(call(['query', '--help']).stdout, 'query');
});

test('names of others are shown with what would steer the terminal as escapes', () => {
  const { stdout } = call(['report', 'evil']);
  assert.match(stdout, /<script>alert\(1\)<\/script>\\x1b\[2J\\x0aname\\u\{202e\}gnp\.gguf/);
  assert.match(stdout.replace(/\s/g, ''), /vda\\x1b\]0;owned\\x07/);
});

test('each section can be asked for by its name', async () => {
  const { summary } = await openRun(join(folder, 'evil'));
  for (const name of sectionNames) assertFits(renderReport(summary, { only: [name] }), name);
  assert.match(call(['report', 'evil', '--section', 'workload']).stdout, /wall time/);
  assert.match(call(['report', 'evil', '--section', 'heat']).stderr, /nothing is known of heat in this run/);
});

test('colours: none in a pipe, --color always and never are obeyed', () => {
  const report = ['report', runs[0] as string];
  assert.ok(!call(report).stdout.includes('\x1b'));
  assert.ok(call([...report, '--color', 'always']).stdout.includes('\x1b[1m'));
  assert.equal(call([...report, '--color', 'sometimes']).status, 2);
});

test('a comparison of groups, advice, and what came of it fit', () => {
  const group = (name: string) => ({
    name,
    summaries: [1, 2, 3].map((times) => summaryFixture(times)),
  });
  const names = [
    'limit 485 MiB, readahead 128 KiB',
    'limit 970 MiB, readahead 128 KiB',
    'all memory, readahead 8192 KiB',
  ];
  assertFits(renderGroups(names.map(group)), 'groups');
  const advice = adviceFixture();
  assertFits(renderAdvice(advice), 'advice');
  const verified = advice.changes.map((change) => ({
    change,
    run: '/a/long/path/to/runs/20261129-075248-demo-limit-verified-1',
    bytesPerToken: 1e6,
    tokensPerSecond: 3,
  }));
  assertFits(renderVerified(verified as never), 'verified');
});
