// Names of files, processes, tensors and devices with what steers a terminal: none of it reaches one raw, by any command.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { ggufFile } from '../unit/model/gguf-file.js';
import { writeStoredRun } from '../unit/store/stored-run.js';
import { Records } from '../unit/trace-file/records.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-hostile-'));
/** C0, C1, DEL, colours, the wiping of a line, a title, what turns the direction. */
const hostile = 'evil\x1b[31m\x1b[2J\x1b[1mX\r\x1b[K\x07\x7f\x9b8m\x1b]0;t\x07\u202e\u2066!';
const inFile = hostile.replaceAll('/', '');

before(async () => {
  const run = join(folder, 'run');
  await writeStoredRun(run, [{ time: 1000, sector: 8, sectors: 8 }], 8);
  const changed = (name: string) => {
    const path = join(run, name);
    const text = readFileSync(path, 'utf8');
    const named = JSON.parse(text, (key, value) =>
      typeof value === 'string' && /^(name|path|engine|version|device|model|reason|fileSystem)$/.test(key)
        ? hostile
        : value,
    );
    writeFileSync(path, JSON.stringify(named));
  };
  changed('summary.json');
  const instance = await DuckDBInstance.create(join(run, 'trace.duckdb'));
  const connection = await instance.connect();
  const text = `'${hostile}'`;
  await connection.run(
    `UPDATE process SET name = ${text}; UPDATE device SET name = ${text}; UPDATE tensor SET name = ${text}`,
  );
  connection.closeSync();
  instance.closeSync();
  writeFileSync(
    join(folder, inFile),
    ggufFile({ keys: { 'general.architecture': hostile }, tensors: [{ name: hostile, shape: [32, 32] }] }),
  );
  mkdirSync(join(folder, `${inFile}-folder`));
  writeFileSync(join(folder, 't.blktrace.0'), new Records().reads(100, 10n ** 9n).bytes);
  writeFileSync(join(folder, 'sweep.yaml'), `model: a\n"${JSON.stringify(hostile).slice(1, -1)}": 1\n`);
  writeFileSync(
    join(folder, 'value.yaml'),
    `model: a\npressure: {limit: "${JSON.stringify(hostile).slice(1, -1)}"}\n`,
  );
});
after(() => rmSync(folder, { recursive: true }));

const commands: readonly string[][] = [
  ...['', '--all', '--json', '--regions', '--naive'].map((option) => [
    'report',
    'run',
    ...option.split(' ').filter(Boolean),
  ]),
  ['compare', 'run', 'run'],
  ['compare', 'run', 'run', '--json'],
  ...[[], ['--csv'], ['--json']].flatMap((form) => [
    ['query', 'run', 'FROM process', ...form],
    ['query', 'run', 'FROM tensor_coverage', ...form],
    ['query', 'run', `SELECT 1 AS "${hostile}"`, ...form],
  ]),
  ['query', 'run', `SELECT "${hostile}" FROM nothing`],
  ...['process', 'device', 'tensor'].flatMap((table) =>
    ['csv', 'jsonl'].map((format) => ['export', 'run', '--format', format, '--table', table]),
  ),
  ['export', 'run', '--format', 'csv', '--table', 'process', '-o', '/dev/stdout'],
  ['export', 'run', '--format', 'csv', '-o', `${inFile}.csv`],
  ['export', 'run', '--format', 'csv', '--table', hostile],
  ['map', inFile, '--tensors'],
  ['map', inFile, '--json'],
  ['map', inFile, '--defragment', `${inFile}.copy`],
  ['plot', 'run', '--kind', 'gaps', '-o', `${inFile}.svg`],
  ['pin', '-m', inFile, '--dry-run'],
  ['doctor', inFile],
  ['doctor', `none${hostile}`],
  ['advise', 'run'],
  ['curve', 'run'],
  ['curve', '--routes', inFile],
  ['import', 't', '-o', `${inFile}-imported`],
  ['import', inFile],
  ['sweep', 'sweep.yaml'],
  ['sweep', 'value.yaml'],
  ['recover', `${inFile}-folder`],
  ['synthesize', '--preset', 'tiny-llama', '-o', `${inFile}.made`],
  ['report', `none${hostile}`],
  ['report', 'run', `--${hostile}`],
  ['report', 'run', '-v', '--section', hostile],
  ['lock', '1M', '--', `none${hostile}`],
  [`none${hostile}`],
];

/** What our own output may hold of control characters, and the terminal's driver. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const ours = /\x1b\[(?:1|2|22|32|33|36|39)m|\r\x1b\[K|\r?\n|\t/g;

/** What is wrong with what a terminal got; null: nothing. */
function faultIn(raw: string): string | null {
  if (raw.includes('\x1b[1mX')) return "emphasis that was a name's";
  if (raw.includes('X\r\x1b[K')) return 'a line that a name wiped';
  const left = raw.replace(ours, '');
  const found = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.exec(left);
  return found && JSON.stringify(left.slice(Math.max(0, found.index - 80), found.index + 20));
}

test('no control character of a name reaches a terminal, by any command', async () => {
  const faults: string[] = [];
  let escaped = 0;
  for (const args of commands) {
    await using terminal = new PseudoTerminal(args, 200, 50, folder);
    const code = await terminal.exited;
    const fault = code === 1 ? `exit code 1: ${terminal.raw}` : faultIn(terminal.raw);
    if (fault) faults.push(`blkscope ${JSON.stringify(args)}: ${fault}`);
    if (/evil(\\x|\\u00)1b\[31m/.test(terminal.raw)) escaped++;
  }
  assert.deepEqual(faults, []);
  assert.ok(escaped > commands.length / 2, `${escaped} of ${commands.length} show it escaped`);
});
