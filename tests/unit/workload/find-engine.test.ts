// A llama.cpp of 2023 cannot be had here as a program. A script with the help, the output and the log lines
// of `main` of that time stands for it: what is tested is that blkscope passes it nothing that it does not
// know.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { findEngine } from '../../../src/workload/find-engine.js';

const main = `#!/bin/sh
if [ "$1" = --help ]; then
  cat >&2 <<'HELP'
usage: ./main [options]

options:
  -h, --help            show this help message and exit
  -s SEED, --seed SEED  RNG seed (default: -1, use random seed for < 0)
  -t N, --threads N     number of threads to use during computation (default: 2)
  -p PROMPT, --prompt PROMPT
                        prompt to start generation with (default: empty)
  -n N, --n-predict N   number of tokens to predict (default: -1, -1 = infinity, -2 = until context filled)
  -c N, --ctx-size N    size of the prompt context (default: 512)
  -b N, --batch-size N  batch size for prompt processing (default: 512)
  --ignore-eos          ignore end of stream token and continue generating (implies --logit-bias 2-inf)
  --temp N              temperature (default: 0.8)
  --mlock               force system to keep model in RAM rather than swapping or compressing
  --no-mmap             do not memory-map model (slower load but may reduce pageouts if not using mlock)
  -m FNAME, --model FNAME
                        model path (default: models/7B/ggml-model-f16.gguf)
HELP
  exit 0
fi
echo "llama_new_context_with_model: n_ctx      = 256" >&2
printf ' two words'
for word in ' a' ' b' ' c'; do sleep 0.05; printf '%s' "$word"; done
printf '\\n'
echo "llama_print_timings:        load time =   100.00 ms" >&2
echo "llama_print_timings:      sample time =     0.30 ms /     3 runs   (    0.10 ms per token, 10000.00 tokens per second)" >&2
echo "llama_print_timings: prompt eval time =    50.00 ms /     4 tokens (   12.50 ms per token,    80.00 tokens per second)" >&2
echo "llama_print_timings:        eval time =   100.00 ms /     2 runs   (   50.00 ms per token,    20.00 tokens per second)" >&2
`;

/** As the one program of 2026: commands, each with its own help. */
const unified = `#!/bin/sh
case "$1" in
completion)
  [ "$2" = --help ] && cat <<'HELP'
----- common params -----

-h,    --help, --usage                  print usage and exit
--version                               show version and build info
-p,    --prompt PROMPT                  prompt to start generation with
-n,    --predict, --n-predict N         number of tokens to predict
-c,    --ctx-size N                     size of the prompt context
-m,    --model FNAME                    model path to load
-no-cnv, --no-conversation              whether to run in conversation mode
--no-display-prompt                     whether to print prompt at generation
HELP
  [ "$2" = --version ] && echo "version: 1.2.0 (build 12345, commit abc)" >&2
  case "$*" in *--n-predict*)
    printf ' a'; sleep 0.05; printf ' b'
    echo "0.00.1 I common_perf_print:    sampling time =       0.30 ms" >&2
    echo "0.00.2 I common_perf_print: prompt eval time =      50.00 ms /     4 tokens (   12.50 ms per token,    80.00 tokens per second)" >&2
    echo "0.00.3 I common_perf_print:        eval time =      50.00 ms /     1 runs   (   50.00 ms per token,    20.00 tokens per second)" >&2
  esac ;;
bench)
  echo "  -p, --n-prompt <n>    (default: 512)"
  echo "  -n, --n-gen <n>       (default: 128)"
  echo "  -m, --model <filename>" ;;
serve)
  echo "--host HOST      ip address to listen"
  echo "--port PORT      port to listen"
  echo "-m, --model FNAME" ;;
'')
  cat <<'HELP'
Usage: llama <command> [options]

Available commands:
  serve           HTTP API server
  cli             Command-line interactive interface
  completion      Text completion
  bench           Benchmarking tool

Run 'llama <command> --help' for command-specific usage.
HELP
  exit 1 ;;
*)
  echo "error: unknown command '$1'" >&2; exit 1 ;;
esac
`;

async function program(path: string, text: string): Promise<string> {
  const whole = join(folder, path);
  await mkdir(dirname(whole), { recursive: true });
  await writeFile(whole, text, { mode: 0o755 });
  return whole;
}

/** PATH is the folder and what a shell script needs. */
async function withPath<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  const before = process.env.PATH;
  process.env.PATH = `${join(folder, path)}:/usr/bin:/bin`;
  try {
    return await act();
  } finally {
    process.env.PATH = before;
  }
}

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blkscope-old-llama-'));
  await writeFile(join(folder, 'main'), main);
  await writeFile(join(folder, 'model.gguf'), 'GGUF');
  await chmod(join(folder, 'main'), 0o755);
  await program('unified/llama', unified);
  await chmod(folder, 0o755);
});

after(() => rm(folder, { recursive: true }));

test('main of 2023 is given only options it knows, and its echo of the prompt is no token', async () => {
  const engine = await findEngine(join(folder, 'main'));
  assert.equal(engine.name, 'llama-cli');
  const model = join(folder, 'model.gguf');
  const workload = await engine.start({
    model,
    prompt: 'two words',
    tokens: 3,
    temperature: 0,
    mlock: true,
    log: join(folder, 'workload.log'),
  });
  const { argv, exitCode, marks, timings, version } = await workload.done;
  assert.equal(exitCode, 0);
  assert.deepEqual(argv.slice(1), [
    ...['--model', model, '--prompt', 'two words', '--n-predict', '3', '--ctx-size', '256', '--seed', '1'],
    ...['--ignore-eos', '--temp', '0', '--mlock'],
  ]);
  assert.deepEqual(
    marks.map(({ kind }) => kind),
    ['started', 'loaded', 'promptDone', 'token', 'token', 'token', 'ended'],
  );
  assert.deepEqual([version, timings.promptTokensPerSecond, timings.tokensPerSecond], [null, 80, 20]);
});

test('llama, the one program that holds all: its completion is used, from PATH, a path or a folder', async () => {
  const llama = join(folder, 'unified/llama');
  const found = [
    await withPath('unified', () => findEngine()),
    await findEngine(llama),
    await findEngine(join(folder, 'unified')),
    await findEngine(`${llama} completion`),
  ];
  for (const engine of found) assert.deepEqual([engine.name, engine.path], ['llama-completion', llama]);
  assert.deepEqual(found[0]?.passedOver, []);
  const model = join(folder, 'model.gguf');
  const workload = await findEngine(llama).then((engine) =>
    engine.start({ model, prompt: 'x', tokens: 2, log: join(folder, 'unified.log') }),
  );
  const { argv, timings, version, exitCode } = await workload.done;
  assert.deepEqual([argv.slice(0, 4), exitCode], [[llama, 'completion', '--model', model], 0]);
  assert.deepEqual([timings.tokens, timings.tokensPerSecond], [2, 20]);
  assert.equal(version, '1.2.0 (build 12345, commit abc)');
});

test('llama whose help shows only what most people need: its completion is used all the same', async () => {
  const all = unified.slice(unified.indexOf('  serve    '), unified.indexOf('\nRun '));
  const shown = all.replace(/^ {2}(?:completion|bench) .*\n/gm, '');
  const hiding = unified
    .replace(all, shown)
    .replace('HELP\n  exit 1 ;;', "Run 'llama help all' to show additional commands.\nHELP\n  exit 1 ;;")
    .replace("'')\n", `help)\n  cat <<'ALL'\nAvailable commands:\n${all}ALL\n  ;;\n'')\n`);
  const engine = await findEngine(await program('hiding/llama', hiding));
  assert.equal(engine.name, 'llama-completion');
});

test('another of its commands can be named; one that does not generate is refused with the reason', async () => {
  const llama = join(folder, 'unified/llama');
  assert.equal((await findEngine(`${llama} bench`)).name, 'llama-bench');
  await assert.rejects(findEngine(`${llama} serve`), {
    code: 'LLAMA_UNKNOWN',
    message: /serve: .*it is a server: blkscope record -- CMD, or blkscope record --attach PID/,
  });
  await assert.rejects(findEngine(`${llama} dance`), {
    code: 'LLAMA_UNKNOWN',
    message: /unknown command 'dance'/,
  });
});

test('a program in PATH that is not understood is named with the reason, and the next is used', async () => {
  await program('both/llama', '#!/bin/sh\necho "usage: llama [-h] {model,stack} ..."\n');
  await program('both/llama-cli', main);
  const engine = await withPath('both', () => findEngine());
  assert.deepEqual([engine.name, engine.path], ['llama-cli', join(folder, 'both/llama-cli')]);
  assert.equal(engine.passedOver?.length, 1);
  assert.match(
    engine.passedOver?.[0] ?? '',
    /both\/llama: not a llama-cli.*usage: llama \[-h\] \{model,stack\}/,
  );
});

test('with none that is understood the embedded engine is used, and what was found is named', async () => {
  await program(
    'none/llama-cli',
    '#!/bin/sh\necho "llama-cli: error while loading shared libraries: libx.so" >&2; exit 127\n',
  );
  await program('none/ollama', '#!/bin/sh\n');
  const engine = await withPath('none', () => findEngine());
  assert.equal(engine.name, 'embedded');
  const lines = engine.passedOver ?? [];
  assert.match(lines[0] ?? '', /none\/llama-cli.*error while loading shared libraries: libx\.so/);
  assert.match(lines[1] ?? '', /none\/ollama.*record --attach PID/);
});

test('a named program that ends without a word', async () => {
  const mute = await program('mute/llama', '#!/bin/sh\nexit 1\n');
  await assert.rejects(findEngine(mute), { code: 'LLAMA_UNKNOWN', message: /its --help says nothing/ });
});

test('several tokens in one write: their number is what the program says, marks are what was seen', async () => {
  const sharing = unified
    .replace("printf ' a'; sleep 0.05; printf ' b'", "printf ' a'; sleep 0.05; printf ' b c d'; sleep 0.05")
    .replace('/     1 runs', '/    39 runs');
  const llama = await program('sharing/llama', sharing);
  const engine = await findEngine(llama);
  const workload = await engine.start({
    model: join(folder, 'model.gguf'),
    prompt: 'x',
    tokens: 40,
    log: join(folder, 'sharing.log'),
  });
  const { marks, timings, generation, endedAt } = await workload.done;
  const seen = marks.filter(({ kind }) => kind === 'token');
  assert.deepEqual([seen.length, timings.tokens, generation?.tokens], [2, 40, 40]);
  const { startedAt: begun, endedAt: over } = generation as { startedAt: bigint; endedAt: bigint };
  assert.ok(over > (seen[1]?.time as bigint) && over <= endedAt);
  assert.equal(over - begun, 50_300_000n, 'as long as it says: evaluations and sampling');
});
