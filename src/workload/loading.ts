import { LlamaOptions } from './llama-options.js';

/** llama.cpp's names. `mlock` alone reads the weights into memory of the process and locks that. */
export type LoadMode = 'auto' | 'none' | 'mmap' | 'mlock' | 'mmap+mlock' | 'dio';

/** How a llama.cpp program loads its model, as far as its options say. null: not said. */
export interface Loading {
  mode: LoadMode;
  /** Look-up tables whose rows are read when a token needs them: all, those over 4 GiB, none. */
  lazy: 'on' | 'auto' | 'off' | null;
  /** Layers whose weights go to a graphics card: a number, `auto` or `all`. */
  gpuLayers: string | null;
  /** Layers whose experts stay with the CPU: a number, or `all`. */
  cpuMoe: string | null;
}

const loadModes: readonly string[] = ['auto', 'none', 'mmap', 'mlock', 'mmap+mlock', 'dio'];

/** Of builds whose help is not known: every spelling there has been. */
const anyBuild = LlamaOptions.fromHelp(`
-lm, --load-mode MODE
-dio, --direct-io, -ndio, --no-direct-io
-mmp, --mmap, --no-mmap
--mlock
-rtr, --run-time-repack
-lzm, --lazy-mode MODE
-ngl, --gpu-layers, --n-gpu-layers N
-ncmoe, --n-cpu-moe N
-cmoe, --cpu-moe
-h, --help mmap+mlock
`);

/**
 * Reads it from a command line and, below that, from llama.cpp's variables. Of several options that say how to load the
 * last one wins, as in llama.cpp since there is `--load-mode`; before, `--mlock` went with whatever else was said.
 */
export function loadingOf(
  argv: readonly string[],
  known?: LlamaOptions,
  env: NodeJS.ProcessEnv = process.env,
): Loading {
  const said = new SaidOptions(argv, env);
  return {
    mode: loadMode(said, known ?? anyBuild),
    lazy: oneOf(said.value(['-lzm', '--lazy-mode'], 'LLAMA_ARG_LAZY_MODE'), ['on', 'auto', 'off']),
    gpuLayers: said.value(['-ngl', '--gpu-layers', '--n-gpu-layers'], 'LLAMA_ARG_N_GPU_LAYERS'),
    cpuMoe: said.has(['-cmoe', '--cpu-moe'], 'LLAMA_ARG_CPU_MOE')
      ? 'all'
      : said.value(['-ncmoe', '--n-cpu-moe'], 'LLAMA_ARG_N_CPU_MOE'),
  };
}

/** Whether any of the weights stay mapped, so that the page cache, readahead and pins matter to them. */
export function usesPageCache({ mode }: Loading): boolean {
  return mode === 'auto' || mode === 'mmap' || mode === 'mmap+mlock';
}

/**
 * What a program did where it was seen to do otherwise than its options say: `--mlock` maps as well in builds that are older
 * than its name tells, and not every file system reads past the page cache.
 */
export function seenLoading(said: Loading, weights: 'mapped' | 'copied' | null, locked: boolean): Loading {
  if (weights !== 'mapped' || usesPageCache(said)) return said;
  return { ...said, mode: locked ? 'mmap+mlock' : 'mmap' };
}

interface Said {
  mmap: boolean;
  mlock: boolean;
  direct: boolean;
}

function loadMode(said: SaidOptions, known: LlamaOptions): LoadMode {
  const single = known.has('--load-mode');
  let mode: LoadMode = known === anyBuild || single ? 'auto' : 'mmap';
  const older: Said = { mmap: true, mlock: false, direct: false };
  for (const { name, value } of said.ofLoading()) {
    if (name === '--load-mode') {
      if (loadModes.includes(value)) mode = named(value as LoadMode, known);
      continue;
    }
    // In builds that have one field, an older form sets all of it.
    if (single) Object.assign(older, { mmap: false, mlock: false, direct: false });
    Object.assign(older, olderForm(name, value));
    mode = named(modeOf(older), known);
  }
  return mode;
}

function modeOf({ mmap, mlock, direct }: Said): LoadMode {
  if (direct) return 'dio'; // it came before the others where they were said as well
  if (mlock) return mmap ? 'mmap+mlock' : 'mlock';
  return mmap ? 'mmap' : 'none';
}

/** Until August 2026 `mlock` meant to map and lock; since then that is `mmap+mlock`. */
function named(mode: LoadMode, known: LlamaOptions): LoadMode {
  return mode === 'mlock' && known.has('--load-mode') && !known.says('mmap+mlock') ? 'mmap+mlock' : mode;
}

function olderForm(name: string, value: string): Partial<Said> {
  const on = !/^(0|off|false|disabled|no)$/i.test(value);
  switch (name) {
    case '--no-mmap':
      return { mmap: false };
    case '--mmap':
      return { mmap: on };
    case '--mlock':
      return { mlock: on };
    case '--direct-io':
      return { direct: on };
    case '--no-direct-io':
      return { direct: false };
    default: // repacked while loading: the mapping is given up
      return { mmap: false };
  }
}

/** Each with its other spellings, whether it takes a value, and llama.cpp's variable. */
const optionsOfLoading = [
  { name: '--load-mode', spellings: ['-lm'], takesValue: true, variable: 'LLAMA_ARG_LOAD_MODE' },
  { name: '--mmap', spellings: ['-mmp'], takesValue: false, variable: 'LLAMA_ARG_MMAP' },
  { name: '--no-mmap', spellings: [], takesValue: false, variable: 'LLAMA_ARG_NO_MMAP' },
  { name: '--mlock', spellings: [], takesValue: false, variable: 'LLAMA_ARG_MLOCK' },
  { name: '--direct-io', spellings: ['-dio'], takesValue: false, variable: 'LLAMA_ARG_DIO' },
  { name: '--no-direct-io', spellings: ['-ndio'], takesValue: false, variable: 'LLAMA_ARG_NO_DIO' },
  { name: '--run-time-repack', spellings: ['-rtr'], takesValue: false, variable: '' },
] as const;

class SaidOptions {
  /** `--name=value` as two words. */
  readonly #args: string[];

  constructor(
    argv: readonly string[],
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.#args = argv.flatMap((arg) => {
      const [, name, value] = /^(--?[\w-]+)=(.*)$/.exec(arg) ?? [];
      return name === undefined ? [arg] : [name, value as string];
    });
  }

  has(spellings: readonly string[], variable: string): boolean {
    return this.#args.some((arg) => spellings.includes(arg)) || isOn(this.env[variable]);
  }

  /** Of several the last, as a program reads them. */
  value(spellings: readonly string[], variable: string): string | null {
    const at = this.#args.findLastIndex((arg) => spellings.includes(arg));
    return (at < 0 ? this.env[variable] : this.#args[at + 1]) ?? null;
  }

  /** In the order in which they count: variables first, then the command line. */
  *ofLoading(): Generator<{ name: string; value: string }> {
    for (const { name, variable } of optionsOfLoading) {
      const value = this.env[variable];
      if (value !== undefined && variable !== '') yield { name, value };
    }
    for (const [at, arg] of this.#args.entries()) {
      const option = optionsOfLoading.find(
        ({ name, spellings }) => name === arg || (spellings as readonly string[]).includes(arg),
      );
      if (!option) continue;
      const next = this.#args[at + 1] ?? '';
      // llama-bench's flags take 0 or 1, the others' none.
      const value = option.takesValue || /^[01]$/.test(next) ? next : '';
      yield { name: option.name, value };
    }
  }
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && /^(1|on|true|enabled|yes)$/i.test(value);
}

function oneOf<Value extends string>(value: string | null, values: readonly Value[]): Value | null {
  return values.find((each) => each === value) ?? null;
}
