import { BlkscopeError } from '../errors.js';

/**
 * What a workload is told of our environment: who and where it is, its language, and what steers inference libraries.
 * Other variables may hold secrets of the session that started us; `--env` passes those that are wanted.
 */
const passed = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TERM', 'COLORTERM', 'NO_COLOR'],
  ...[
    'TZ',
    'TMPDIR',
    'LD_LIBRARY_PATH',
    'CUDA_VISIBLE_DEVICES',
    'HIP_VISIBLE_DEVICES',
    'NODE_EXTRA_CA_CERTS',
  ],
];
const passedFamilies =
  /^(LC|GGML|LLAMA|OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|NUMEXPR|VECLIB|TORCH|PYTORCH|TOKENIZERS|TRANSFORMERS|OLLAMA|VLLM|XDG)_\w+$/;

/** Variables of ours that a workload gets unasked. */
export function workloadEnvironment(ours: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const names = Object.keys(ours).filter((name) => passed.includes(name) || passedFamilies.test(name));
  return Object.fromEntries(names.map((name) => [name, ours[name] as string]));
}

/** `NAME=VALUE`, or `NAME` for our own value. Throws BlkscopeError BAD_ENV. */
export function environmentOf(asked: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    asked.map((text) => {
      const [, name, given] = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(text) ?? [];
      if (name === undefined)
        throw new BlkscopeError(
          'BAD_ENV',
          `--env ${text}: write NAME=VALUE, or NAME for the value it has here`,
        );
      const value = given ?? process.env[name];
      if (value === undefined)
        throw new BlkscopeError('BAD_ENV', `--env ${name}: it is not set here; write ${name}=VALUE`);
      return [name, value] as const;
    }),
  );
}
