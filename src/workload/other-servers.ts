import type { LogLine } from './log-line.js';
import type { OpenRequests } from './open-requests.js';

// Lines of servers that are none of llama.cpp's, a function a server. Each says whether the line was one of its.

/**
 * koboldcpp works on one request at a time and counts on one line of the terminal:
 *
 *     Input: {"prompt": ...}
 *     Processing Prompt [BLAS] (512 / 612 tokens)
 *     Generating (3 / 100 tokens)
 *     [12:00:00] CtxLimit:612/4096, Amt:100/100, Init:0.02s, Process:2.35s (217.87T/s), Generate:5.20s (19.23T/s), ...
 */
export function koboldLine({ text, time }: LogLine, requests: OpenRequests): boolean {
  const { last } = requests;
  if (/^\s*Generating\b[^(]*\(\d+ ?\/ ?\d+ tokens\)/.test(text)) {
    requests.token(last ?? requests.begin(null, time), time);
  } else if (/^\s*Input: \{/.test(text)) {
    // One before it that told of no end was broken off.
    if (last && last.tokenTimes.length > 0) requests.end(last, time);
    if (!requests.last) requests.begin(null, time);
  } else if (/^\s*Processing Prompt\b/.test(text)) {
    if (!last) requests.begin(null, time);
  } else if (/\bProcess(?:ing)?:.*\bGenerat(?:e|ion):/.test(text)) {
    if (!last) return false;
    last.figures += `${text}\n`;
    requests.end(last, time);
  } else return false;
  return true;
}

/** An answer that comes so soon is one in pieces, whose first line of all is logged when it begins. */
const atOnceNs = 50_000_000n;

/**
 * vLLM, with --enable-log-requests and --enable-log-outputs:
 *
 *     Received request chatcmpl-1: params: ...
 *     Added request chatcmpl-1-a8a65d16.
 *     127.0.0.1:1 - "POST /v1/chat/completions HTTP/1.1" 200 OK
 *     Generated response chatcmpl-1 (streaming delta): output: ' a', output_token_ids: [5], finish_reason: ...
 *     Finished request chatcmpl-1.                                            before 2025
 *     Engine 000: Avg prompt throughput: ... Running: 0 reqs, Waiting: 0 reqs    every ten seconds
 */
export function vllmLine({ text, time }: LogLine, requests: OpenRequests): boolean {
  const [, what, ids] =
    /\b(Received|Added|Finished|Aborted) request(?:\(s\))? (\S+?)[:.]?(?:\s|$)/.exec(text) ?? [];
  if (ids !== undefined) {
    for (const id of ids.split(',')) {
      const request = requests.findNamed(id);
      const begins = what === 'Received' || what === 'Added';
      if (!begins) requests.end(request, time);
      else if (!request) requests.begin(id, time);
    }
    return true;
  }
  return vllmOutput(text, time, requests) || vllmAnswer(text, time, requests);
}

function vllmOutput(text: string, time: bigint, requests: OpenRequests): boolean {
  const [, id, part] =
    /\bGenerated response (\S+?)(?: \(streaming (delta|complete)\))?: output: /.exec(text) ?? [];
  if (id === undefined) return false;
  const request = requests.findNamed(id);
  if (!request) return true;
  if (part === 'delta') {
    requests.token(request, time);
    return true;
  }
  const list = [...text.matchAll(/, output_token_ids: [[(]([\d, ]*)[\])]/g)].at(-1)?.[1];
  request.tokens = list?.match(/\d+/g)?.length ?? null;
  requests.end(request, time);
  return true;
}

function vllmAnswer(text: string, time: bigint, requests: OpenRequests): boolean {
  if (/\bRunning: 0 reqs,.*\bWaiting: 0 reqs\b/.test(text)) {
    requests.endAll(time);
    return true;
  }
  if (!/"POST \/v1\/(?:(?:chat\/)?completions|responses|messages)\b[^"]*" \d+/.test(text)) return false;
  const oldest = requests.oldest();
  if (oldest && time - oldest.startedAt > atOnceNs) requests.end(oldest, time);
  return true;
}

/**
 * llamafile's own server of 2024 and 2025; a thread works on one request, and is called by its client's address:
 *
 *     2025-06-01T12:00:00.123456 llamafile/server/slots.cpp:130 127.0.0.1 acquired slot #0 with score 0
 *     ... slot.cpp:416 127.0.0.1 prefilled 12 tokens (after keeping 0, discarding 0, relocating 0, and evaluating 12)
 *     ... v1_chat_completions.cpp:711 127.0.0.1 predicted 100 tokens finished on length
 *     ... slots.cpp:146 127.0.0.1 relinquishing slot #0
 */
export function llamafileLine({ text, time }: LogLine, requests: OpenRequests): boolean {
  const [, slot, what = ''] =
    /^\d{4}-\d\d-\d\dT[\d:.]+ \S+\.cpp:\d+ (\S+) (acquired slot #|prefilled |predicted |relinquishing slot #)/.exec(
      text,
    ) ?? [];
  if (slot === undefined) return false;
  if (what.startsWith('acquired')) {
    requests.begin(null, time, slot);
    return true;
  }
  const request = requests.find({ id: null, slot });
  if (!request) return true;
  if (what.startsWith('prefilled')) {
    request.promptDoneAt ??= time;
    request.promptTokens = Number(/\bevaluating (\d+)\)/.exec(text)?.[1] ?? Number.NaN) || null;
  } else if (what.startsWith('predicted')) {
    request.tokens = Number(/\bpredicted (\d+) tokens/.exec(text)?.[1] ?? Number.NaN) || null;
  } else requests.end(request, time);
  return true;
}
