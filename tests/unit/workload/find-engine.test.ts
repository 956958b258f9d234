// A llama.cpp of 2023 cannot be had here as a program. A script with the help, the output and the log lines
// of `main` of that time stands for it: what is tested is that blkscope passes it nothing that it does not
// know.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'blkscope-old-llama-'));
  await writeFile(join(folder, 'main'), main);
  await writeFile(join(folder, 'model.gguf'), 'GGUF');
  await chmod(join(folder, 'main'), 0o755);
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
