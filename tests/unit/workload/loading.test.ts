import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LlamaOptions } from '../../../src/workload/llama-options.js';
import { type Loading, loadingOf, seenLoading, usesPageCache } from '../../../src/workload/loading.js';
import { loadingNotes } from '../../../src/workload/loading-notes.js';

const words = (text: string) => text.split(' ').filter(Boolean);
const mode = (line: string, help?: string, env: NodeJS.ProcessEnv = {}) =>
  loadingOf(words(line), help === undefined ? undefined : LlamaOptions.fromHelp(help), env).mode;

/** Before there was --load-mode: three switches, each for itself. */
const older = `
  --mlock               force system to keep model in RAM
  --mmap, --no-mmap     whether to memory-map model
  -dio, --direct-io, -ndio, --no-direct-io
`;
/** Summer of 2026: the older forms are kept, and set the same field; mlock still mapped. */
const between = `${older}
-lm,   --load-mode MODE                 model loading mode (default: mmap)
                                        - mlock: mmap + force system to keep model in RAM
`;
const today = `
-lm,   --load-mode MODE                 model loading mode (default: auto)
                                        - mmap+mlock: mmap + force system to keep model in RAM
`;

test('load modes by every spelling', () => {
  for (const [line, right] of [
    ['', 'auto'],
    ['--load-mode none', 'none'],
    ['-lm dio', 'dio'],
    ['--load-mode=mmap+mlock', 'mmap+mlock'],
    ['--load-mode mlock', 'mlock'],
    ['--no-mmap', 'none'],
    ['--mlock', 'mlock'],
    ['--direct-io', 'dio'],
    ['-dio', 'dio'],
    ['-dio -ndio', 'none'],
    ['-rtr', 'none'],
    ['--mmap 0', 'none'],
    ['-mmp 1', 'mmap'],
    ['-dio 0', 'none'],
  ] as const) {
    assert.equal(mode(line), right, line);
  }
});

test('the last one wins', () => {
  assert.equal(mode('--load-mode dio --mmap'), 'mmap');
  assert.equal(mode('--mmap --load-mode dio'), 'dio');
  assert.equal(mode('-lm none -m x -lm mmap'), 'mmap');
  assert.equal(mode('--mlock --no-mmap', between), 'none');
  assert.equal(mode('-m --load-mode none'), 'none', 'as a program would read it too');
  assert.equal(mode('--load-mode nonsense'), 'auto');
});

test('older builds take each switch for itself', () => {
  assert.equal(mode('', older), 'mmap');
  assert.equal(mode('--mlock', older), 'mmap+mlock');
  assert.equal(mode('--mlock --no-mmap', older), 'mlock');
  assert.equal(mode('--no-mmap --direct-io', older), 'dio');
});

test('what mlock means is what the help says', () => {
  assert.equal(mode('--load-mode mlock', between), 'mmap+mlock');
  assert.equal(mode('--load-mode mlock', today), 'mlock');
});

test('what was seen counts before what was said', () => {
  const said = (line: string) => loadingOf(words(line), undefined, {});
  const seen = (line: string, weights: 'mapped' | 'copied' | null, locked = false) =>
    seenLoading(said(line), weights, locked).mode;
  assert.equal(seen('--mlock', 'mapped', true), 'mmap+mlock', 'an older build');
  assert.equal(seen('-dio', 'mapped'), 'mmap', 'a file system without O_DIRECT');
  assert.equal(seen('--mlock', 'copied', true), 'mlock');
  assert.equal(seen('--mlock', null), 'mlock', 'nothing was seen');
  assert.equal(seen('', 'mapped'), 'auto');
});

test("llama.cpp's variables count below the command line", () => {
  assert.equal(mode('', today, { LLAMA_ARG_LOAD_MODE: 'dio' }), 'dio');
  assert.equal(mode('--load-mode mmap', today, { LLAMA_ARG_LOAD_MODE: 'dio' }), 'mmap');
  assert.equal(mode('', undefined, { LLAMA_ARG_NO_MMAP: '1' }), 'none');
  assert.equal(mode('', undefined, { LLAMA_ARG_MMAP: 'off' }), 'none');
  assert.equal(loadingOf([], undefined, { LLAMA_ARG_LAZY_MODE: 'on' }).lazy, 'on');
  assert.equal(loadingOf([], undefined, { LLAMA_ARG_N_GPU_LAYERS: '5' }).gpuLayers, '5');
});

test('graphics card, experts and lazy tables', () => {
  const said = (line: string) => loadingOf(words(line), undefined, {});
  assert.deepEqual(said('-ngl 20 -ncmoe 4 --lazy-mode off'), {
    mode: 'auto',
    lazy: 'off',
    gpuLayers: '20',
    cpuMoe: '4',
  });
  assert.equal(said('--n-gpu-layers 20 -ngl all').gpuLayers, 'all');
  assert.equal(said('--cpu-moe').cpuMoe, 'all');
  const notes = loadingNotes(said('-ngl 20 --n-cpu-moe 4 -lzm on'));
  assert.equal(notes.length, 3);
  assert.match(notes.join(' '), /rows.*-ngl 20.*first 4 layers/);
  assert.deepEqual(loadingNotes(said('-ngl 0')), []);
});

test('what a mode means for the measurement is told', () => {
  const of = (line: string): Loading => loadingOf(words(line), undefined, {});
  assert.ok(usesPageCache(of('')) && usesPageCache(of('-lm mmap+mlock')));
  for (const name of ['none', 'mlock', 'dio']) {
    const loading = of(`-lm ${name}`);
    assert.ok(!usesPageCache(loading), name);
    assert.match(
      loadingNotes(loading).join(' '),
      new RegExp(`mode ${name}\\b.*page cache.*pins do not matter`),
    );
  }
});
