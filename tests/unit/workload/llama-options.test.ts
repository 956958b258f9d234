import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LlamaOptions } from '../../../src/workload/llama-options.js';

/** Lines of the help of llama-completion 0.7.0. */
const completion = LlamaOptions.fromHelp(`----- common params -----

-h,    --help, --usage                  print usage and exit
-n,    --predict, --n-predict N         number of tokens to predict (default: -1, -1 = infinity, -2 = until
                                        context filled)
                                        (env: LLAMA_ARG_N_PREDICT)
-kvo,  --kv-offload, -nkvo, --no-kv-offload
                                        whether to enable KV cache offloading (default: enabled)
--repack, -nr, --no-repack              whether to enable weight repacking (default: enabled)
-hf,   -hfr, --hf-repo <user>/<model>[:quant]
                                        mmproj is also downloaded automatically if available. to disable, add
                                        --no-mmproj
-lm,   --load-mode MODE                 model loading mode (default: auto)
                                        - auto: mmap, unless a device does not support it
-fit,  --fit [on|off]                   whether to adjust unset arguments to fit in device memory ('on' or
-cnv,  --conversation, -no-cnv, --no-conversation
`);

test('a line lists the spellings of an option, whatever its value looks like', () => {
  for (const name of [
    '-h',
    '--usage',
    '-n',
    '--n-predict',
    '--no-kv-offload',
    '-nr',
    '--no-repack',
    '--fit',
  ]) {
    assert.ok(completion.has(name), name);
  }
  assert.ok(completion.has('--no-conversation'));
});

test('options that are only spoken of are not known', () => {
  assert.ok(!completion.has('--no-mmproj'));
  assert.ok(!completion.has('--mlock'));
  assert.ok(!completion.has('-1'));
});

test('an option is found among arguments by each of its spellings', () => {
  assert.ok(completion.isAmong(['--predict', '7'], '--n-predict'));
  assert.ok(completion.isAmong(['-nr'], '--no-repack'));
  assert.ok(completion.isAmong(['--fit=on'], '-fit'));
  assert.ok(!completion.isAmong(['--prompt', 'about -n'], '--n-predict'));
});

test('help in the layout of 2023', () => {
  const main = LlamaOptions.fromHelp(`usage: ./main [options]

options:
  -h, --help            show this help message and exit
  -s SEED, --seed SEED  RNG seed (default: -1, use random seed for < 0)
  -t N, --threads N     number of threads to use during generation (default: 4)
  -e                    process prompt escapes sequences (\\n, \\r, \\t, \\', \\", \\\\)
  --ignore-eos          ignore end of stream token and continue generating (implies --logit-bias 2-inf)
  --mlock               force system to keep model in RAM rather than swapping or compressing
  --no-mmap             do not memory-map model (slower load but may reduce pageouts if not using mlock)
`);
  for (const name of ['-s', '--seed', '--threads', '-e', '--ignore-eos', '--mlock', '--no-mmap']) {
    assert.ok(main.has(name), name);
  }
  assert.ok(!main.has('--logit-bias') && !main.has('--no-repack'));
  assert.equal(main.firstOf('--load-mode', '--no-mmap'), '--no-mmap');
});

test("llama-bench's layout, where one option lacks its comma", () => {
  const bench = LlamaOptions.fromHelp(`
  -r, --repetitions <n>                       number of times to repeat each test (default: 5)
  -mmp, --mmap <0|1>                                (default: 1)
  -ot --override-tensor <tensor name pattern>=<buffer type>;...
                                                    (default: disabled)
`);
  for (const name of ['--repetitions', '-mmp', '--mmap', '-ot', '--override-tensor']) {
    assert.ok(bench.has(name), name);
  }
});
