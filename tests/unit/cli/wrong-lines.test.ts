// What a user reads who types a command wrongly: one line that says what is wrong, and exit code 2.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exitCodes } from '../../../src/errors.js';
import { blkscope } from '../../host/command-line.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-cli-'));
after(() => rmSync(folder, { recursive: true }));

/** What is typed, and the line that it must print. */
const wrong: [string, string][] = [
  [
    'reprot runs/x',
    "unknown command 'reprot' (Did you mean report?); blkscope COMMAND --help lists the options",
  ],
  ['--frob', "unknown option '--frob'; blkscope COMMAND --help lists the options"],
  [
    'run',
    'run needs -m, --model <file>: the GGUF file; any part of a split model; blkscope run --help lists the options',
  ],
  ['run -m', "option '-m, --model <file>' argument missing; blkscope run --help lists the options"],
  [
    'run --modle x.gguf',
    "unknown option '--modle' (Did you mean --model?); blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf',
    `cannot read the model ${folder}/none.gguf: there is no such file; check the path of the model`,
  ],
  [
    'run -m none.gguf word',
    "'word' is no option of run; what llama.cpp is given stands after --, as in: blkscope run -m MODEL -- --temp 0",
  ],
  [
    'run -m none.gguf --limit',
    "option '--limit <size>' argument missing; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --limit 1Q',
    "option '--limit <size>' argument '1Q' is invalid. size: '1Q' is not a size; write it like 15G, 512MiB or 800MB; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --limit 1G --lock 1G',
    "option '--lock <size>' cannot be used with option '--limit <size>'; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --cold --warm',
    "option '--cold' cannot be used with option '--warm'; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf -n x',
    "option '-n, --tokens <count>' argument 'x' is invalid. 'x' is not a whole number, 0 or more; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf -n -1',
    "option '-n, --tokens <count>' argument '-1' is invalid. '-1' is not a whole number, 0 or more; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf -t 0',
    "option '-t, --threads <count>' argument '0' is invalid. '0' is not above 0; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --seed 1.5',
    "option '--seed <number>' argument '1.5' is invalid. '1.5' is not a whole number, 0 or more; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --time-limit 0',
    "option '--time-limit <seconds>' argument '0' is invalid. '0' is not a number of seconds above 0; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --readahead abc',
    "option '--readahead <kib>' argument 'abc' is invalid. 'abc' is not a whole number, 0 or more; blkscope run --help lists the options",
  ],
  ['run -m none.gguf --repeat 0', '--repeat: 0 runs make no sense'],
  [
    'run -m none.gguf --pin 0',
    "option '--pin <size>' argument '0' is invalid. a size of 0 bytes makes no sense; blkscope run --help lists the options",
  ],
  [
    'pin -m none.gguf --budget 0',
    "option '--budget <size>' argument '0' is invalid. a size of 0 bytes makes no sense; blkscope pin --help lists the options",
  ],
  [
    'run -m none.gguf --pin much',
    "option '--pin <size>' argument 'much' is invalid. size: 'much' is not a size; write it like 15G, 512MiB or 800MB; blkscope run --help lists the options",
  ],
  ['run -m none.gguf --stream', '--stream needs --pin: it streams the part that is not pinned'],
  ['run -m none.gguf --plan runs/x', '--plan needs --pin: the plan says what to pin first'],
  [
    'run -m none.gguf --source pipe',
    "option '--source <source>' argument 'pipe' is invalid. Allowed choices are auto, relay, ftrace; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --actions some',
    "option '--actions <actions>' argument 'some' is invalid. Allowed choices are needed, all; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --on-full wait',
    "option '--on-full <policy>' argument 'wait' is invalid. Allowed choices are drop, stop; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --lba 5',
    "option '--lba <start-end>' argument '5' is invalid. '5' is not a range of sectors such as 0-2047 or 2048-; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --lba 9-5',
    "option '--lba <start-end>' argument '9-5' is invalid. '9-5' ends before it starts; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --pid 0',
    "option '--pid <pid>' argument '0' is invalid. '0' is not above 0; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --buffer-size 1',
    "option '-b, --buffer-size <size>' argument '1' is invalid. '1' is too small; the smallest is 4K; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --buffer-count 0',
    "option '--buffer-count <count>' argument '0' is invalid. '0' is not above 0; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --color blue',
    "option '--color <when>' argument 'blue' is invalid. Allowed choices are auto, always, never; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf -q -v',
    "option '-q, --quiet' cannot be used with option '-v, --verbose'; blkscope run --help lists the options",
  ],
  [
    'run -m none.gguf --spool a --spool-tmpfs 1G',
    "option '--spool <dir>' cannot be used with option '--spool-tmpfs <size>'; blkscope run --help lists the options",
  ],
  ['record', 'name what to trace: a device with -d, or a file on it with --file'],
  ['record -d', "option '-d, --device <device>' argument missing; blkscope record --help lists the options"],
  [
    "record -d '' -- cat",
    "option '-d, --device <device>' is empty; blkscope record --help lists the options",
  ],
  ["report ''", "argument 'run' is empty; blkscope report --help lists the options"],
  ["report runs/none --html ''", "option '--html <file>' is empty; blkscope report --help lists the options"],
  ["compare runs/none ''", "argument 'runs' is empty; blkscope compare --help lists the options"],
  ['record -d none0', "device 'none0': no such block device; lsblk lists them"],
  [
    'record --duration 0 -d vda',
    "option '--duration <seconds>' argument '0' is invalid. '0' is not a number of seconds above 0; blkscope record --help lists the options",
  ],
  ['record --file none.bin', 'none.bin: No such file or directory'],
  [
    'record --attach x',
    "option '--attach <pid>' argument 'x' is invalid. 'x' is not a whole number, 0 or more; blkscope record --help lists the options",
  ],
  [
    'record cat -n',
    "unknown option '-n'; what the program is given stands after --; blkscope record --help lists the options",
  ],
  ['import', "missing required argument 'trace'; blkscope import --help lists the options"],
  ['import none.blktrace.0', 'none.blktrace.0: no such file, and no none.blktrace.0.blktrace.0 or the like'],
  [
    'import none --model',
    "option '--model <gguf>' argument missing; blkscope import --help lists the options",
  ],
  ['report', "missing required argument 'run'; blkscope report --help lists the options"],
  ['report runs/none', 'runs/none: no such run folder'],
  ['report runs/none --section none', 'runs/none: no such run folder'],
  ['compare', "missing required argument 'runs'; blkscope compare --help lists the options"],
  ['compare runs/none', 'runs/none: no such run folder'],
  ['plot runs/none', 'plot needs --kind <kind>: which figure; blkscope plot --help lists the options'],
  [
    'plot runs/none --kind pie -o x.svg',
    "option '--kind <kind>' argument 'pie' is invalid. Allowed choices are access, timeline, residency, cumulative, token-time, heat, experts, times-read, gaps, latency, sizes, curve, fragments, cliff, foreseen; blkscope plot --help lists the options",
  ],
  ['sweep', "missing required argument 'file'; blkscope sweep --help lists the options"],
  ['map', "missing required argument 'file'; blkscope map --help lists the options"],
  ['map none.gguf', 'none.gguf: No such file or directory'],
  ['export', "missing required argument 'run'; blkscope export --help lists the options"],
  [
    'export runs/none',
    'export needs --format <format>: what to write; parquet adds the run to a dataset; blkscope export --help lists the options',
  ],
  [
    'export runs/none --format xml',
    "option '--format <format>' argument 'xml' is invalid. Allowed choices are duckdb, parquet, csv, jsonl, perfetto, blktrace; blkscope export --help lists the options",
  ],
  ['export runs/none --format csv --table none', 'runs/none: no such run folder'],
  ['query', "missing required argument 'runs'; blkscope query --help lists the options"],
  ['query runs/none', 'query needs run folders and then the SQL, quoted as one word'],
  ['lock', "missing required argument 'size'; blkscope lock --help lists the options"],
  [
    'lock much',
    "command-argument value 'much' is invalid for argument 'size'. size: 'much' is not a size; write it like 15G, 512MiB or 800MB; blkscope lock --help lists the options",
  ],
  [
    'lock 0',
    "command-argument value '0' is invalid for argument 'size'. a size of 0 bytes makes no sense; blkscope lock --help lists the options",
  ],
  [
    'pin',
    'pin needs -m, --model <file>: the GGUF file; any part of a split model; blkscope pin --help lists the options',
  ],
  ['pin -m none.gguf', 'cannot read the model none.gguf: there is no such file; check the path of the model'],
  [
    'pin -m none.gguf --budget x',
    "option '--budget <size>' argument 'x' is invalid. size: 'x' is not a size; write it like 15G, 512MiB or 800MB; blkscope pin --help lists the options",
  ],
  ['advise', "missing required argument 'run'; blkscope advise --help lists the options"],
  ['advise runs/none', 'runs/none: no such run folder'],
  [
    'synthesize',
    'synthesize needs --preset <shape>: the shape; blkscope synthesize --help lists the options',
  ],
  [
    'synthesize -o x.gguf --preset none',
    "option '--preset <shape>' argument 'none' is invalid. Allowed choices are demo, tiny-llama, tiny-gpt-oss, llama-2-7b, gpt-oss-1b, gpt-oss-20b, tiny-gemma3n, gemma3n-80m, engram-80m, gemma-3n-e4b; blkscope synthesize --help lists the options",
  ],
  ['curve', 'name either a run folder or a file of routes (--routes FILE.csv)'],
  ['curve runs/none', 'runs/none: no such run folder'],
  ['completion', "missing required argument 'shell'; blkscope completion --help lists the options"],
  [
    'completion tcsh',
    "command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish; blkscope completion --help lists the options",
  ],
  [
    'demo --size x',
    "option '--size <size>' argument 'x' is invalid. size: 'x' is not a size; write it like 15G, 512MiB or 800MB; blkscope demo --help lists the options",
  ],
  [
    'demo -n x',
    "option '-n, --tokens <count>' argument 'x' is invalid. 'x' is not a whole number, 0 or more; blkscope demo --help lists the options",
  ],
  ['frobnicate', "unknown command 'frobnicate'; blkscope COMMAND --help lists the options"],
  ['sweep none.yaml', 'none.yaml: the sweep cannot be read: there is no such file'],
  ['curve --routes none.csv', 'none.csv cannot be read: there is no such file'],
];

/** Words as a shell splits them. */
const words = (line: string) =>
  (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, '$1'));

async function tryLine(line: string): Promise<string> {
  const { exitCode, stdout, stderr } = await blkscope(words(line), { cwd: folder });
  assert.equal(exitCode, exitCodes.usage, `${line}: ${stderr}`);
  assert.equal(stdout, '', line);
  assert.doesNotMatch(stderr, /^\s+at /m, `${line}: no stack trace`);
  return (stderr.trimEnd().split('\n').at(-1) ?? '').replace(/^blkscope: /, '');
}

test('every wrong command line is told as what it is', async () => {
  assert.ok(wrong.length >= 60);
  const told: [string, string][] = [];
  const queue = [...wrong];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) told.push([next[0], await tryLine(next[0])]);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const byLine = new Map(told);
  assert.deepEqual(
    wrong.map(([line]) => [line, byLine.get(line)]),
    wrong,
  );
});
