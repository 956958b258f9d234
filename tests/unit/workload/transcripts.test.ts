import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { parseBenchJson } from '../../../src/workload/bench-timings.js';
import type { Mark } from '../../../src/workload/engine.js';
import { LlamaOutput } from '../../../src/workload/llama-output.js';
import { parseLlamaTimings } from '../../../src/workload/llama-timings.js';
import { servedGeneration, servedMarks, servedTimings } from '../../../src/workload/served.js';
import { ServerLog } from '../../../src/workload/server-log.js';
import { errorLineOf } from '../../../src/workload/workload-log.js';

/** What transcripts hold; tests/fixtures/transcripts/README.md explains it. */
interface Transcript {
  program: string;
  style: 'text' | 'chat' | 'bench' | 'server' | 'command';
  prompt?: string;
  echoesPrompt?: boolean;
  right: Right;
  output: { out?: string; err?: string }[];
}

interface Right {
  tokens?: number;
  tokensPerSecond?: number;
  promptTokens?: number;
  promptTokensPerSecond?: number;
  loaded?: boolean;
  marks?: number;
  walks?: number;
  requests?: number[];
  error?: string;
}

const folder = new URL('../../fixtures/transcripts/', import.meta.url);
const speeds = ['tokens', 'tokensPerSecond', 'promptTokens', 'promptTokensPerSecond'] as const;

function told(found: Partial<Record<(typeof speeds)[number], number | null>>, right: Right): void {
  for (const key of speeds) {
    const [is, wanted] = [found[key] ?? null, right[key] ?? null];
    assert.ok(
      is === wanted || Math.abs((is ?? Number.NaN) - (wanted ?? Number.NaN)) < 1e-6,
      `${key}: ${is}, not ${wanted}`,
    );
  }
}

/** Plays it, a write or line each millisecond. */
function played({ style, prompt = '', echoesPrompt = false, output }: Transcript): Mark[] {
  const marks: Mark[] = [];
  if (style === 'server' || style === 'command') return marks;
  const reader = new LlamaOutput({ style, prompt, echoesPrompt, tokens: 1000 }, (mark) => marks.push(mark));
  output.forEach(({ out, err }, i) => {
    if (out !== undefined) reader.stdout(out, BigInt(i));
    if (err !== undefined) reader.stderr(err, BigInt(i));
  });
  return marks;
}

describe('transcripts', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    const transcript = parse(readFileSync(new URL(file, folder), 'utf8')) as Transcript;
    const { program, style, right, output } = transcript;
    const all = (stream: 'out' | 'err') => output.map((each) => each[stream] ?? '').join('');
    test(`${file}: ${program}`, () => {
      const together = output.map(({ out, err }) => out ?? err).join('');
      if (style === 'command') told(parseLlamaTimings(together), right);
      if (style === 'bench') told(parseBenchJson(all('out')).timings, right);
      if (style === 'text') told(parseLlamaTimings(all('err')), right);
      if (style === 'chat') told(parseLlamaTimings(together), right);
      if (style === 'server') {
        assertServer(all('err'), right);
        return;
      }
      const marks = played(transcript);
      const ofKind = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).length;
      if (right.loaded !== undefined) assert.equal(ofKind('loaded') > 0, right.loaded, 'loaded');
      if (right.marks !== undefined) assert.equal(ofKind('token'), right.marks, 'marks');
      if (right.error !== undefined) assert.equal(errorLineOf(`$ command\n${together}`, null), right.error);
    });
  }
});

function assertServer(log: string, right: Right): void {
  const served = new ServerLog();
  log.split('\n').forEach((line, i) => {
    served.line(line, BigInt(i + 1) * 1_000_000n);
  });
  assert.ok(served.isServer);
  const requests = served.requests();
  assert.deepEqual(
    requests.map(({ tokens }) => tokens),
    right.requests,
  );
  assert.ok(requests.every(({ startedAt, endedAt }) => endedAt !== null && endedAt > startedAt));
  const { tokens, tokensPerSecond } = servedTimings(requests);
  told({ tokens, tokensPerSecond }, { ...right });
  assert.equal(servedGeneration(requests, false)?.walks ?? undefined, right.walks);
  if (right.marks !== undefined)
    assert.equal(servedMarks(requests).filter(({ kind }) => kind === 'token').length, right.marks);
}
