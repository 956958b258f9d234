import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { phaseWindows } from '../../../src/figures/phases.js';
import type { ServedRequest } from '../../../src/workload/open-requests.js';
import { servedGeneration, servedMarks, servedTimings } from '../../../src/workload/served.js';
import { ServerLog } from '../../../src/workload/server-log.js';

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
INFO 06-01 12:00:00 [async_llm.py:261] Added request cmpl-a1-0.${'\n(some line)'.repeat(5)}
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

describe('lines that others have passed on', () => {
  const own = [
    '0.00.483.667 I slot launch_slot_: id  2 | task 7 | processing task, is_child = 0',
    '0.00.492.958 I slot print_timing: id  2 | task 7 | prompt eval time =      60.00 ms /    12 tokens (    5.00 ms per token,   200.00 tokens per second)',
    '0.00.492.963 I slot print_timing: id  2 | task 7 |        eval time =     800.00 ms /    20 tokens (   40.00 ms per token,    25.00 tokens per second)',
    '0.00.492.997 I slot      release: id  2 | task 7 | stop processing: n_tokens = 31, truncated = 0',
  ];
  const passers: Record<string, (line: string) => string> = {
    'by syslog': (line) => `May 23 00:32:01 host start_llama_server.sh[385247]: ${line}`,
    'by journalctl -o short-iso-precise': (line) =>
      `2026-07-28T20:08:36.626065-04:00 host llama-server[1686919]: ${line}`,
    'by docker logs -t': (line) => `2026-05-12T07:51:36.069569496Z ${line}`,
    'by Kubernetes': (line) => `2026-05-12T07:51:36.069569496Z stderr F ${line}`,
    'by docker compose': (line) => `llama-server-1  | ${line}`,
    "into docker's file": (line) =>
      JSON.stringify({ log: `${line}\n`, stream: 'stderr', time: '2026-05-12T07:51:36.069569496Z' }),
    'by LM Studio': (line) => `2026-06-05 10:35:51 [DEBUG]\n ${line}`,
    'in colour': (line) => `\x1b[32m${line}\x1b[0m`,
    'by docker compose, of a journal': (line) =>
      `llm_1 | Jun  5 12:36:11 host ollama[25973]: \x1b[32m${line}\x1b[0m`,
  };
  for (const [name, passed] of Object.entries(passers)) {
    test(name, () => {
      const [request, ...more] = requestsIn(own.map(passed).join('\n'));
      assert.equal(more.length, 0);
      assert.deepEqual(told(request as ServedRequest), ['7', 12, 20, 25, true]);
      const took = ((request?.endedAt ?? 0n) - (request?.startedAt ?? 0n)) / 1000n;
      assert.equal(took, 9_330n, 'by the times that the lines bear');
    });
  }

  test("by a llama-server of several models: each model's server has its own tasks and clock", () => {
    const requests = requestsIn(`
0.02.029.957 I srv  proxy_reques: proxying request to model aa on port 58093
[58093] 0.00.029.582 I slot launch_slot_: id  0 | task 0 | processing task, is_child = 0
[39351] 0.00.027.911 I slot launch_slot_: id  0 | task 0 | processing task, is_child = 0
[39351] 0.00.031.268 I slot print_timing: id  0 | task 0 |        eval time =       1.46 ms /     4 tokens (    0.49 ms per token,  2059.03 tokens per second)
[58093] 0.00.035.059 I slot print_timing: id  0 | task 0 |
[39351] 0.00.031.297 I slot      release: id  0 | task 0 | stop processing: n_tokens = 7, truncated = 0
[58093]        eval time =       2.49 ms /     5 tokens (    0.83 ms per token,  1203.85 tokens per second)
[58093] 0.00.035.218 I slot      release: id  0 | task 0 | stop processing: n_tokens = 7, truncated = 0`);
    assert.deepEqual(requests.map(told), [
      ['58093/0', null, 5, 1203.85, true],
      ['39351/0', null, 4, 2059.03, true],
    ]);
  });
});

describe('vLLM of 2026', () => {
  const received = `
(APIServer pid=9) INFO 02-13 11:33:33 [logger.py:49] Received request chatcmpl-a269fdcb: params: SamplingParams(n=1), lora_request: None.
(APIServer pid=9) INFO 02-13 11:33:33 [async_llm.py:382] Added request chatcmpl-a269fdcb-a8a65d16.`;
  const answer = `
(APIServer pid=9) INFO:     10.80.23.18:51408 - "POST /v1/chat/completions HTTP/1.1" 200 OK`;
  const stats = (running: number) => `
(APIServer pid=9) INFO 02-13 11:33:39 [loggers.py:257] Engine 000: Avg prompt throughput: 0.8 tokens/s, Avg generation throughput: 4.6 tokens/s, Running: ${running} reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%, Prefix cache hit rate: 0.0%`;
  const busy = stats(1).repeat(6);

  test('adds to the name of a request: it is one request', () => {
    const requests = requestsIn(received + busy + answer);
    assert.deepEqual(requests.map(told), [['chatcmpl-a269fdcb', null, null, null, true]]);
  });

  test('an answer in pieces is logged when it begins, which is not its end', () => {
    const [request] = requestsIn(received + answer + busy) as [ServedRequest];
    assert.equal(request.endedAt, null);
    const [idle] = requestsIn(received + answer + busy + stats(0)) as [ServedRequest];
    assert.equal(idle.endedAt, 90n * ms, 'nothing runs any more');
  });

  test('that logs its answers tells of tokens', () => {
    const piece = (text: string, id: number) => `
INFO 02-13 11:33:34 [logger.py:81] Generated response chatcmpl-a269fdcb (streaming delta): output: '${text}', output_token_ids: [${id}], finish_reason: streaming`;
    const whole = (how: string) => `
INFO 02-13 11:33:35 [logger.py:81] Generated response chatcmpl-a269fdcb${how}: output: ' a, output_token_ids: [9]', output_token_ids: [5, 6, 7], finish_reason: length`;
    const [at, once] = [
      requestsIn(
        received + answer + piece(' a', 5) + piece(' b', 6) + piece(' c', 7) + whole(' (streaming complete)'),
      ),
      requestsIn(received + busy + whole('') + answer),
    ];
    assert.deepEqual([...at, ...once].map(told), [
      ['chatcmpl-a269fdcb', null, 3, null, true],
      ['chatcmpl-a269fdcb', null, 3, null, true],
    ]);
    assert.equal(at[0]?.tokenTimes.length, 3);
  });

  test('parts of a request, and those that are broken off', () => {
    const requests = requestsIn(`
INFO 02-13 11:33:33 [logger.py:49] Received request cmpl-1-0: params: SamplingParams(n=2)
INFO 02-13 11:33:33 [async_llm.py:382] Added request 0_cmpl-1-0.
INFO 02-13 11:33:33 [async_llm.py:382] Added request 1_cmpl-1-0.
INFO 02-13 11:33:34 [logger.py:49] Received request cmpl-2-0: params: SamplingParams(n=1)
INFO 02-13 11:33:35 [async_llm.py:400] Aborted request(s) cmpl-2-0,cmpl-1-0.`);
    assert.deepEqual(
      requests.map(({ id, endedAt }) => [id, endedAt]),
      [
        ['cmpl-1-0', 40n * ms],
        ['cmpl-2-0', 40n * ms],
      ],
    );
  });
});

test('koboldcpp: a request that was broken off ends where the next begins', () => {
  const log = [
    'Input: {"n": 1, "prompt": "x"}\n\nProcessing Prompt (512 / 612 tokens)\rProcessing Prompt (612 / 612 tokens)\n',
    'Generating (1 / 300 tokens)\rGenerating (2 / 300 tokens)\nGeneration Aborted\n',
    'Input: {"n": 1, "prompt": "y"}\n\nProcessing Prompt (1 / 1 tokens)\nGenerating (1 / 242 tokens)\n(EOS token triggered! ID:2)\n',
    'CtxLimit: 3768/4096, Process:0.44s (442.0ms/T = 2.26T/s), Generate:0.50s (500.0ms/T = 2.00T/s), Total:0.94s (1.06T/s)\n',
  ].join('');
  assert.deepEqual(requestsIn(log).map(told), [
    ['1', null, 2, null, true],
    ['2', null, 1, 2, true],
  ]);
});

test("llamafile's own server", () => {
  const line = (file: string, text: string) =>
    `2025-06-01T12:00:00.123456 llamafile/server/${file} ${text}\n`;
  const requests = requestsIn(
    line('listen.cpp:35', 'main listen http://127.0.0.1:8080') +
      line('client.cpp:679', '127.0.0.1 POST /v1/chat/completions') +
      line('slots.cpp:130', '127.0.0.1 acquired slot #0 with score 0') +
      line('slots.cpp:130', '10.0.0.2 acquired slot #1 with score 0') +
      line(
        'slot.cpp:416',
        '127.0.0.1 prefilled 20 tokens (after keeping 8, discarding 0, relocating 0, and evaluating 12)',
      ) +
      line('v1_chat_completions.cpp:711', '127.0.0.1 predicted 100 tokens finished on length') +
      line('slots.cpp:146', '127.0.0.1 relinquishing slot #0'),
  );
  assert.deepEqual(requests.map(told), [
    ['1', 12, 100, null, true],
    ['2', null, null, null, false],
  ]);
  assert.equal(requests[0]?.promptDoneAt, 40n * ms);
});

test('servers that tell of a request in one line, when it is answered', () => {
  const lines = {
    ollama:
      'Dec 21 06:08:13 host ollama[627]: [GIN] 2024/12/21 - 06:08:13 | 200 | 5h31m9s | 172.17.0.2 | POST     "/api/chat"',
    webui:
      '12:00:00-123456 INFO     Output generated in 5.20 seconds (19.23 tokens/s, 100 tokens, context 12, seed 1)',
    tabbyAPI:
      '2026-06-01 12:00:00.123 INFO:     Metrics (ID: 3f): 512 tokens generated in 9.59 seconds (Queue: 0.0 s, Process: 7 cached tokens and 120 new tokens at 300.0 T/s, Generate: 53.5 T/s, Context: 127 tokens)',
    sglang:
      "[2026-04-05 20:02:51] Finish: obj=GenerateReqInput(rid='1', text='x'), out={'text': ' a', 'meta_info': {'id': '1', 'finish_reason': {'type': 'length', 'length': 32}, 'prompt_tokens': 5, 'completion_tokens': 32, 'cached_tokens': 2, 'e2e_latency': 0.2}}",
  };
  const at = 10n ** 14n;
  const found = Object.values(lines).map((line) => {
    const served = new ServerLog();
    served.line(line, at);
    assert.ok(served.isServer);
    const [{ startedAt, promptTokens, tokens, tokensPerSecond } = {} as ServedRequest] = served.requests();
    return [(at - startedAt) / ms, promptTokens, tokens, tokensPerSecond];
  });
  assert.deepEqual(found, [
    [19_869_000n, null, null, null],
    [5_200n, 12, 100, 19.23],
    [9_590n, 120, 512, 53.5],
    [200n, 5, 32, null],
  ]);
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
