import type { RequestSummary, Summary, WorkloadSummary } from '../figures/summary-schema.js';
import { type Loading, usesPageCache } from '../workload/loading.js';
import { loadingNotes } from '../workload/loading-notes.js';
import { speculates } from '../workload/speculation.js';
import { weightsNote } from '../workload/weights.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { printable } from './printable.js';

/** What ran, how fast, and how it held its weights. */
export function workloadSection(page: Page, summary: Summary): void {
  const { workload: work } = summary;
  if (!work) return;
  page.section('Workload', printable(work.engine));
  page.figure(format.seconds(work.wallNs), work.attached ? 'watched' : 'wall time', endNote(work));
  if (work.loadNs !== null)
    page.figure(format.seconds(work.loadNs), 'loading, by the program', 'the phase load has its start too');
  if (work.promptTokensPerSecond !== null) {
    page.figure(
      `${format.decimal(work.promptTokensPerSecond)} /s`,
      'prompt tokens',
      tokenNote(work.promptTokens),
    );
  }
  if (work.tokensPerSecond !== null) {
    page.figure(`${format.decimal(work.tokensPerSecond)} /s`, 'generated tokens', tokenNote(work.tokens));
  }
  if (work.walks != null) {
    page.figure(
      format.count(work.walks),
      'walks over the weights',
      'drafted tokens that were taken need none',
    );
  }
  if (work.tokens !== null && !work.speculative && speculates(work.argv, undefined, {}))
    page.remark(noDrafts);
  touches(page, summary);
  requests(page, work);
  weights(page, work, summary);
  if (work.loading) loading(page, work.loading, work.readBytes ?? null, summary);
}

const noDrafts =
  'It was given something to draft with, and nothing was drafted: each token is one walk over the weights. llama.cpp of 2026 drafts with a model (-md) only where --spec-type says how.';

/** A server in a line: whether it runs on, and what it worked on; null for what is no server. */
export function serverLine({ attached, requests: served, tokens, wallNs }: WorkloadSummary): string | null {
  if (!served) return null;
  const watched = attached
    ? `Process ${attached.pid}, watched for ${format.seconds(wallNs)}, ${attached.ended ? 'ended by itself' : 'runs on'}. `
    : '';
  if (served.count === 0 && attached?.logs.length === 0) return watched + noLogNote;
  const made = tokens === null ? '' : `, ${format.counted(tokens, 'token')}`;
  return `${watched}It worked on ${format.counted(served.count, 'request')}${made}.`;
}

const mostDifferencesShown = 5;

/** What tokens were seen to use, what watching cost, and where names of tensors tell otherwise. */
function touches(page: Page, { touches: seen }: Summary): void {
  if (!seen) return;
  const { tokens, touchedBytesPerToken, profiledNsPerToken, unprofiledNsPerToken, lostFaults } = seen;
  page.figure(
    format.size(Math.round(touchedBytesPerToken)),
    'used by a token',
    `${format.counted(tokens, 'token')} watched, hits of the page cache included`,
  );
  if (profiledNsPerToken !== null && unprofiledNsPerToken !== null) {
    page.remark(
      `A watched token took ${format.microseconds(profiledNsPerToken)}, others ${format.microseconds(unprofiledNsPerToken)}: speeds are those of the others.`,
    );
  }
  if (lostFaults > 0)
    page.remark(`${format.counted(lostFaults, 'page fault')} got lost: some uses are missing.`);
  for (const { tensor, use, bytes, usedBytesPerToken } of seen.differences.slice(0, mostDifferencesShown)) {
    const used = `${format.size(Math.round(usedBytesPerToken))} of ${format.size(bytes)}`;
    page.remark(`${printable(tensor)}: a token used ${used}; its name says ${toldUse[use] ?? use}.`);
  }
  const more = seen.differences.length - mostDifferencesShown;
  if (more > 0) page.remark(`and ${format.count(more)} more tensors, in touches.differences of summary.json`);
}

const toldUse: Record<string, string> = {
  ...{
    whole: 'all of it',
    rows: 'rows that are looked up',
    experts: 'some of its experts',
    none: 'none of it',
  },
  unknown: 'nothing of its use',
};

const mostRequestsShown = 10;

/** What a server worked on, the first ones each by itself. */
function requests(page: Page, { requests: served, attached, argv }: WorkloadSummary): void {
  if (!served) return;
  if (served.count === 0) {
    page.remark(attached && attached.logs.length === 0 ? noLogNote : noRequestNote(argv));
    return;
  }
  const open = served.open > 0 ? `${format.count(served.open)} of them not over at the end` : '';
  page.figure(format.count(served.count), served.count === 1 ? 'request' : 'requests', open);
  const first = served.told[0]?.startNs ?? 0;
  for (const request of served.told.slice(0, mostRequestsShown)) page.remark(requestLine(request, first));
  const more = served.count - mostRequestsShown;
  if (more > 0) page.remark(`and ${format.count(more)} more, in the table server_request`);
}

const noLogNote =
  'Its output goes to no file, so that its requests and tokens are not known: start it with its output in a file (llama-server --log-file FILE), or with blkscope record -- CMD. Of a service or container, --log FILE names a file that its log is written to meanwhile (journalctl -fu ollama >FILE).';

/** Servers that log requests when they are asked to, and how. */
const requestLogs: readonly [program: RegExp, option: string][] = [
  [/\bvllm\b/, '--enable-log-requests'],
  [/\bsglang\b/, '--log-requests'],
];

function noRequestNote(argv: readonly string[]): string {
  const option = requestLogs.find(([program]) => argv.some((word) => program.test(word)))?.[1];
  return `Its log tells of no request${option ? `: it logs them when it is started with ${option}` : ''}.`;
}

/** `at 1.2 s, 3.4 s: 12 prompt tokens, 100 tokens at 12.3 /s; 1.2 GiB read for the prompt, 4.5 GiB for the tokens`. */
function requestLine(request: RequestSummary['told'][number], firstNs: number): string {
  const { startNs, endNs, promptTokens, tokens, tokensPerSecond, readBytes, generationBytes } = request;
  const speed = tokensPerSecond === null ? '' : ` at ${format.decimal(tokensPerSecond)} /s`;
  const made = [
    promptTokens === null ? null : format.counted(promptTokens, 'prompt token'),
    tokens === null ? null : `${format.counted(tokens, 'token')}${speed}`,
  ].filter((part) => part !== null);
  const read =
    readBytes === null
      ? []
      : generationBytes === null
        ? [`${format.size(readBytes)} read`]
        : [
            `${format.size(readBytes - generationBytes)} read for the prompt, ${format.size(generationBytes)} for tokens`,
          ];
  const took = endNs === null ? 'not over' : `took ${format.seconds(endNs - startNs)}`;
  const parts = [took, made.join(', '), ...read].filter((part) => part !== '');
  return `at ${format.seconds(startNs - firstNs)}: ${parts.join('; ')}`;
}

function weights(page: Page, work: WorkloadSummary, { model }: Summary): void {
  if (!work.weights) return;
  const rss = `anonymous ${format.size(work.rssAnonBytes ?? 0)}, file ${format.size(work.rssFileBytes ?? 0)}`;
  page.figure(work.weights, 'weights', rss);
  if (work.weightsBytes) page.remark(placesLine(work.weightsBytes));
  if (work.buffers) page.remark(buffersLine(work.buffers));
  // The load mode's own note says why they were copied.
  const explained = work.weights === 'copied' && work.loading && !usesPageCache(work.loading);
  if (!explained) page.remark(weightsNote({ ...work, modelBytes: model?.bytes ?? null }));
}

/** The program's own word, largest first. */
function buffersLine(buffers: Record<string, number>): string {
  const parts = Object.entries(buffers)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${format.size(bytes)} in ${printable(name)}`);
  return `By the program's own log: ${parts.join(', ')}.`;
}

/** Where a program keeps some weights one way and some another. */
function placesLine({ mapped, copied, both }: NonNullable<WorkloadSummary['weightsBytes']>): string {
  const parts = [
    { bytes: mapped, name: 'mapped' },
    { bytes: copied, name: 'copied' },
    { bytes: both, name: 'mapped and copied' },
  ].filter(({ bytes }) => bytes > 0);
  return parts.map(({ bytes, name }) => `${format.size(bytes)} ${name}`).join(', ');
}

function loading(page: Page, how: Loading, readBytes: number | null, { model, reads }: Summary): void {
  for (const note of loadingNotes(how)) page.remark(note);
  if (how.mode !== 'dio' || readBytes === null || !model) return;
  page.figure(
    format.size(readBytes),
    'read by the program',
    directNote(readBytes, model.readBytes, reads.bytes),
  );
}

/**
 * Past the page cache nobody else can have read for it, and nothing was there already: its own count is at least what was
 * traced in the model, and at most what was traced at all, its program and libraries among it.
 */
function directNote(read: number, inModel: number, inAll: number): string {
  const traced = `traced: ${format.size(inModel)} in the model, ${format.size(inAll)} in all`;
  const agree = inModel <= read * (1 + slack) && read <= inAll * (1 + slack);
  return agree ? `its own count, which agrees; ${traced}` : `its own count, which does NOT agree; ${traced}`;
}

/** For blkscope's own helpers, and for what was in flight at an end. */
const slack = 0.01;

function endNote({ attached, exitCode, signal }: WorkloadSummary): string {
  if (attached) return `process ${attached.pid}, which ${attached.ended ? 'ended by itself' : 'runs on'}`;
  if (signal) return `ended by ${signal}`;
  return exitCode === 0 ? '' : `exit code ${exitCode}`;
}

function tokenNote(tokens: number | null): string {
  return tokens === null ? '' : format.count(tokens);
}
