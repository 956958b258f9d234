import type { Summary, WorkloadSummary } from '../figures/summary-schema.js';
import { type Loading, usesPageCache } from '../workload/loading.js';
import { loadingNotes } from '../workload/loading-notes.js';
import { weightsNote } from '../workload/weights.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { printable } from './printable.js';

/** What ran, how fast, and how it held its weights. */
export function workloadSection(page: Page, summary: Summary): void {
  const { workload: work } = summary;
  if (!work) return;
  page.section('Workload', printable(work.engine));
  page.figure(format.seconds(work.wallNs), 'wall time', exitNote(work.exitCode, work.signal));
  if (work.loadNs !== null) page.figure(format.seconds(work.loadNs), 'load');
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
  weights(page, work, summary);
  if (work.loading) loading(page, work.loading, work.readBytes ?? null, summary);
}

function weights(page: Page, work: WorkloadSummary, { model }: Summary): void {
  if (!work.weights) return;
  const rss = `anonymous ${format.size(work.rssAnonBytes ?? 0)}, file ${format.size(work.rssFileBytes ?? 0)}`;
  page.figure(work.weights, 'weights', rss);
  if (work.weightsBytes) page.remark(placesLine(work.weightsBytes));
  // The load mode's own note says why they were copied.
  const explained = work.weights === 'copied' && work.loading && !usesPageCache(work.loading);
  if (!explained) page.remark(weightsNote({ ...work, modelBytes: model?.bytes ?? null }));
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

function exitNote(exitCode: number | null, signal: string | null): string {
  if (signal) return `ended by ${signal}`;
  return exitCode === 0 ? '' : `exit code ${exitCode}`;
}

function tokenNote(tokens: number | null): string {
  return tokens === null ? '' : format.count(tokens);
}
