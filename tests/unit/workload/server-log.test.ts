import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { phaseWindows } from '../../../src/figures/phases.js';
import { servedGeneration, servedMarks, servedTimings } from '../../../src/workload/served.js';
import { type ServedRequest, ServerLog } from '../../../src/workload/server-log.js';

const ms = 1_000_000n;

/** The requests in a log, whose lines come 10 ms apart. */
function requestsIn(log: string): ServedRequest[] {
  const served = new ServerLog();
  log
    .split(/[\r\n]/)
    .filter((line) => line.trim() !== '')
    .forEach((line, i) => {
      served.line(line, BigInt(i * 10) * ms);
    });
  return served.requests();
}

const told = ({ id, promptTokens, tokens, tokensPerSecond, endedAt }: ServedRequest) => [
  id,
  promptTokens,
  tokens,
  tokensPerSecond,
  endedAt !== null,
];

describe("llama-server's requests, whatever its age", () => {
  // Each worked on 12 tokens of prompt and made 20, at 25 a second.
  const forms = {
    'of 2026': `
0.00.483.667 I slot launch_slot_: id  2 | task 7 | processing task, is_child = 0
0.00.492.958 I slot print_timing: id  2 | task 7 | prompt eval time =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second)
0.00.492.963 I slot print_timing: id  2 | task 7 |        eval time =     800.00 ms /    20 tokens (   40.00 ms per token,    25.00 tokens per second)
0.00.492.964 I slot print_timing: id  2 | task 7 |       total time =     860.00 ms /    32 tokens
0.00.492.997 I slot      release: id  2 | task 7 | stop processing: n_tokens = 31, truncated = 0`,
    'of 2025, whose figures are lines of their own': `
slot launch_slot_: id  0 | task 7 | processing task
slot update_slots: id  0 | task 7 | new prompt, n_ctx_slot = 4096, n_keep = 0, n_prompt_tokens = 12
slot print_timing: id  0 | task 7 |
prompt eval time =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second)
       eval time =     800.00 ms /    20 tokens (   40.00 ms per token,    25.00 tokens per second)
      total time =     860.00 ms /    32 tokens
slot release: id  0 | task 7 | stop processing: n_past = 31, truncated = 0
srv  update_slots: all slots are idle`,
    'of 2026, as JSON': `
{"type":"log","time":531682,"level":"info","msg":"slot launch_slot_: id  0 | task 7 | processing task, is_child = 0\\n"}
{"type":"log","time":542999,"level":"info","msg":"slot print_timing: id  0 | task 7 | prompt eval time =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second)\\n"}
{"type":"log","time":543059,"level":"info","msg":"slot print_timing: id  0 | task 7 |        eval time =     800.00 ms /    20 tokens (   40.00 ms per token,    25.00 tokens per second)\\n"}
{"type":"log","time":543124,"level":"info","msg":"slot      release: id  0 | task 7 | stop processing: n_tokens = 31, truncated = 0\\n"}`,
    'of 2024, with keys': `
INFO [   launch_slot_with_task] slot is processing task | tid="1" timestamp=1710000000 id_slot=0 id_task=7
INFO [           print_timings] prompt eval time     =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second) | tid="1" id_slot=0 id_task=7
INFO [           print_timings] generation eval time =     800.00 ms /    20 runs   (   40.00 ms per token,    25.00 tokens per second) | tid="1" id_slot=0 id_task=7
INFO [           print_timings]           total time =     860.00 ms | tid="1" id_slot=0 id_task=7
INFO [            update_slots] slot released | tid="1" timestamp=1710000001 id_slot=0 id_task=7 n_ctx=512 n_past=31`,
    'of 2024, as JSON': `
{"tid":"1","level":"INFO","function":"launch_slot_with_data","msg":"slot is processing task","slot_id":0,"task_id":7}
{"tid":"1","level":"INFO","function":"print_timings","msg":"prompt eval time     =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second)","slot_id":0,"task_id":7}
{"tid":"1","level":"INFO","function":"print_timings","msg":"generation eval time =     800.00 ms /    20 runs   (   40.00 ms per token,    25.00 tokens per second)","slot_id":0,"task_id":7}
{"tid":"1","level":"INFO","function":"update_slots","msg":"slot released","slot_id":0,"task_id":7,"n_past":31}`,
    'of 2023': `
slot 0 is processing [task id: 7]
slot 0 : kv cache rm - [0, end)
print_timings: prompt eval time =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second)
print_timings:        eval time =     800.00 ms /    20 runs   (   40.00 ms per token,    25.00 tokens per second)
print_timings:       total time =     860.00 ms
slot 0 released (32 tokens in cache)`,
  };
  for (const [name, log] of Object.entries(forms)) {
    test(name, () => {
      const requests = requestsIn(log);
      assert.deepEqual(requests.map(told), [['7', 12, 20, 25, true]]);
      const [request] = requests as [ServedRequest];
      assert.ok(request.promptDoneAt !== null && request.promptDoneAt >= request.startedAt);
    });
  }

  test('two at the same time: lines of one in the midst of the other', () => {
    const requests = requestsIn(`
slot launch_slot_: id  0 | task 1 | processing task
slot launch_slot_: id  1 | task 2 | processing task
slot print_timing: id  1 | task 2 |        eval time =     100.00 ms /     5 tokens (   20.00 ms per token,    50.00 tokens per second)
slot      release: id  1 | task 2 | stop processing: n_tokens = 31, truncated = 0
slot print_timing: id  0 | task 1 |        eval time =     400.00 ms /    10 tokens (   40.00 ms per token,    25.00 tokens per second)
que    start_loop: processing task, id = 9`);
    assert.deepEqual(requests.map(told), [
      ['1', null, 10, 25, false],
      ['2', null, 5, 50, true],
    ]);
    assert.deepEqual(servedTimings(requests).tokens, 15);
    assert.equal(servedTimings(requests).tokensPerSecond, 30, '15 tokens in 0.5 s of work');
  });

  test('each token where it is logged; drafts make fewer walks', () => {
    const [request] = requestsIn(`
slot launch_slot_: id  0 | task 1 | processing task
slot process_toke: id  0 | task 1 | n_gen = 1, n_remaining = 2, next token:  1654 ' a'
slot process_toke: id  0 | task 1 | n_decoded = 2, n_remaining = 1, next token:  'eval time'
slot process_toke: id  0 | task 1 | stopped by limit, n_gen = 3, n_predict = 3
slot process_toke: id  0 | task 1 | n_gen = 3, n_remaining = 0, next token:  1803 ' c'
draft acceptance rate = 0.50000 (    1 accepted /     2 generated)
slot      release: id  0 | task 1 | stop processing: n_tokens = 12, truncated = 0`) as [ServedRequest];
    assert.equal(request.tokenTimes.length, 3);
    assert.equal(request.tokens, 3);
    assert.equal(request.promptDoneAt, request.tokenTimes[0]);
    assert.equal(request.walks, 2);
    assert.equal(servedGeneration([request], false)?.speculative, true);
  });
});

test('a server that was asked to draft and drafted for one request of two', () => {
  const request = (task: number, more: string) => `
slot launch_slot_: id  0 | task ${task} | processing task, is_child = 0
slot print_timing: id  0 | task ${task} | prompt eval time =     133.39 ms /     8 tokens
slot print_timing: id  0 | task ${task} |        eval time =     347.90 ms /     8 tokens (   49.70 ms per token,    20.12 tokens per second)
slot print_timing: id  0 | task ${task} |       total time =     481.29 ms /    16 tokens${more}
slot      release: id  0 | task ${task} | stop processing: n_tokens = 15, truncated = 0`;
  const drafts = `
slot print_timing: id  0 | task 2 | draft acceptance = 0.33333 (    3 accepted /     9 generated), mean len =  1.75`;
  const none = servedGeneration(requestsIn(request(1, '')), true);
  assert.deepEqual([none?.tokens, none?.walks, none?.speculative], [8, null, false]);
  const both = servedGeneration(requestsIn(request(1, '') + request(2, drafts)), true);
  assert.deepEqual([both?.tokens, both?.walks, both?.speculative], [16, 8 + 5, true]);
  const open = servedGeneration(requestsIn(request(1, '').replace(/\n.*release.*/, '')), true);
  assert.equal(open?.speculative, true, 'not over: what it will tell is not known');
});

test('a server whose draft model has another vocabulary goes on without drafts', () => {
  const served = new ServerLog();
  served.line(
    '0.00.145.127 E srv    load_model: failed to initialize speculative decoding context: draft model vocab type must match',
    1n,
  );
  assert.ok(served.cannotDraft);
});

describe('other servers', () => {
  test("koboldcpp counts tokens on one line of the terminal, and tells a request's figures in one", () => {
    const requests = requestsIn(
      'Input: {"prompt": "x", "max_length": 3}\n\nProcessing Prompt (5 / 5 tokens)\r\rGenerating (1 / 3 tokens)\rGenerating (2 / 3 tokens)\rGenerating (3 / 3 tokens)\n' +
        '[12:00:00] CtxLimit:8/4096, Amt:3/3, Init:0.00s, Process:0.50s (10.00T/s), Generate:0.10s (30.00T/s), Total:0.60s\n' +
        'Input: {"prompt": "y"}\n',
    );
    assert.deepEqual(requests.map(told), [
      ['1', null, 3, 30, true],
      ['2', null, null, null, false],
    ]);
    assert.equal(requests[0]?.tokenTimes.length, 3);
  });

  test('vLLM names its requests', () => {
    const requests = requestsIn(`
INFO 06-01 12:00:00 [logger.py:42] Received request cmpl-a1-0: prompt: 'x', params: SamplingParams(n=1)
INFO 06-01 12:00:00 [async_llm.py:261] Added request cmpl-a1-0.
INFO:     127.0.0.1:1 - "POST /v1/completions HTTP/1.1" 200 OK
INFO 06-01 12:00:09 [logger.py:42] Received request cmpl-b2-0: prompt: 'y', params: SamplingParams(n=1)`);
    assert.deepEqual(requests.map(told), [
      ['cmpl-a1-0', null, null, null, true],
      ['cmpl-b2-0', null, null, null, false],
    ]);
  });

  test("ollama's line for each answer counts, but not beside those of the engine below it", () => {
    const line = '[GIN] 2026/06/01 - 12:00:00 | 200 |  1.5s |       127.0.0.1 | POST     "/api/generate"';
    const other = '[GIN] 2026/06/01 - 12:00:00 | 200 |  20µs |       127.0.0.1 | GET      "/api/tags"';
    const served = new ServerLog();
    served.line(other, 1n);
    served.line(line, 10_000n * ms);
    assert.deepEqual(
      served.requests().map(({ startedAt, endedAt }) => [startedAt, endedAt]),
      [[8_500n * ms, 10_000n * ms]],
    );
    served.line('slot launch_slot_: id  0 | task 4 | processing task', 10_001n * ms);
    assert.deepEqual(
      served.requests().map(({ id }) => id),
      ['4'],
    );
  });

  test('a program that says nothing of the kind is no server; one that listens is', () => {
    const served = new ServerLog();
    served.line('eval time = 1.00 ms / 3 runs', 1n);
    served.line("we are listening to music, in ports that I don't know", 1n);
    assert.equal(served.isServer, false);
    served.line('srv  llama_server: listening on http://127.0.0.1:8080', 2n);
    assert.equal(served.isServer, true);
  });
});

test('lines that are seen at once have the times that they bear', () => {
  const served = new ServerLog();
  const lines = [1, 2, 3].map(
    (n) => `0.00.00${n}.000 D slot process_toke: id  0 | task 4 | n_gen = ${n}, n_remaining = 9`,
  );
  served.line('0.00.000.500 I slot launch_slot_: id  0 | task 4 | processing task', 100_000_000n);
  for (const line of lines) served.line(line, 105_000_000n);
  const [request] = served.requests();
  assert.equal(request?.startedAt, 100_000_000n);
  assert.deepEqual(request?.tokenTimes, [100_500_000n, 101_500_000n, 102_500_000n]);
});

test('the phases of one request are the run’s, those of several are each its own', () => {
  const request = (startedAt: bigint): ServedRequest => ({
    ...{
      id: '1',
      startedAt,
      promptDoneAt: startedAt + 10n,
      endedAt: startedAt + 50n,
      tokens: 5,
      walks: null,
      drafted: false,
    },
    ...{ promptTokens: 3, promptTokensPerSecond: null, tokensPerSecond: null, tokenTimes: [] },
  });
  const marks = (requests: ServedRequest[]) => [
    { kind: 'started' as const, time: 0n },
    { kind: 'loaded' as const, time: 20n },
    ...servedMarks(requests),
  ];
  const one = [request(100n)];
  assert.deepEqual(phaseWindows(marks(one), servedGeneration(one, false)), [
    { name: 'load', fromNs: 0n, toNs: 20n, tokens: null },
    { name: 'prompt', fromNs: 100n, toNs: 110n, tokens: null },
    { name: 'generation', fromNs: 110n, toNs: 150n, tokens: 4 },
  ]);
  const two = [request(100n), request(300n)];
  assert.deepEqual(
    phaseWindows(marks(two), servedGeneration(two, false)).map(({ name }) => name),
    ['load'],
  );
});
