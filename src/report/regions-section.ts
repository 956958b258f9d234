import { append } from '../extremes.js';
import { joined } from '../figures/figure.js';
import { partWithAccess, phaseFigures, regionFigures } from '../figures/figures.js';
import type { ModelSummary, RegionFigures, Summary } from '../figures/summary-schema.js';
import { groupKinds } from '../model/region-groups.js';
import { fit } from './fit.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { printable } from './printable.js';
import { plainScreen, type Screen } from './screen.js';
import { layOut } from './table.js';
import { type ToldFigure, toldIn } from './told-figures.js';
import { usesLine } from './uses-line.js';

/** How many of the hottest layers and experts, and of what was never read, the report names. */
const rowsShown = 5;

export function hottestLayers(page: Page, { model }: Summary): void {
  hottest(page, 'Hottest layers', model?.layers);
}

export function hottestExperts(page: Page, { model }: Summary): void {
  hottest(page, 'Hottest experts', model?.experts);
}

export function otherModels(page: Page, { otherModels: others = [] }: Summary): void {
  for (const other of others) otherModel(page, other);
}

/** A draft, a projector, adapters, or other files that were read beside the model. */
function otherModel(page: Page, other: ModelSummary): void {
  page.section(`Also read: ${nameOf(other)}`, 'figures of its own, not in those above');
  page.traced(format.size(other.readBytes), 'read', format.counted(other.reads, 'read'));
  page.traced(format.size(other.uniqueBytes), 'unique', `of ${format.size(other.bytes)}`);
  if (other.weights) page.figure(other.weights, 'weights', 'where most of what tokens use of it was');
  if (other.uses) page.text(usesLine(other.uses), 2);
  if (other.roles) table(page, other.roles);
}

/** Of a split model the first part. */
function nameOf({ files }: ModelSummary): string {
  const first = printable(files[0]?.split('/').at(-1) ?? '');
  return files.length > 1 ? `${first} and ${files.length - 1} more` : first;
}

export function phases(page: Page, summary: Summary): void {
  const found = Object.entries(summary.phases ?? {}).filter(([, phase]) => phase !== null);
  if (found.length === 0) return;
  const whose = summary.model?.access ? "the model's reads" : 'reads';
  page.section('Phases', `${whose}, by what the workload said, each in the phase in which it completed`);
  for (const line of columns(page, phaseColumns, found)) page.line(line);
  for (const line of [...tokenLines(summary), ...outside(summary)]) page.remark(line);
}

/** The phases' reads do not add up to all where something was read before the first, between two or after the last. */
function outside({ phases, model }: Summary): string[] {
  if (!model) return [];
  const inPhases = Object.values(phases ?? {}).reduce(
    (sum, phase) => sum + (phase?.model?.readBytes ?? 0),
    0,
  );
  const bytes = model.readBytes - inPhases;
  return bytes > 0
    ? [`Outside these phases ${format.size(bytes)} of the model were read: before, between or after them.`]
    : [];
}

/** Tokens are what the program says; where marks or walks are others, what a token's own figures are worth. */
function tokenLines({ phases, workload }: Summary): string[] {
  const { tokens, marks, walks } = phases?.generation ?? {};
  if (workload?.speculative) {
    const told = walks == null ? 'it does not say how many' : `${format.counted(walks, 'walk')}`;
    return [`Speculative decoding: a token is not one walk over the weights (${told} for ${tokens} tokens).`];
  }
  if (marks == null || tokens == null || marks === tokens) return [];
  return [
    `${format.counted(marks, 'mark')} for ${format.counted(tokens, 'token')}: several tokens share a write, or print nothing.`,
    'Figures per token are over all of them; what one token read is not exact.',
  ];
}

const phaseColumns = toldIn('phases', joined(partWithAccess, phaseFigures));

export function roles(page: Page, { model }: Summary): void {
  if (!model?.roles) return;
  page.section('By role', 'together they are the whole model');
  if (model.uses) page.text(usesLine(model.uses), 2);
  table(
    page,
    model.roles.toSorted((a, b) => b.readBytes - a.readBytes),
  );
}

/** By bytes read for each byte of size: that is what memory for it would save. */
function hottest(page: Page, title: string, rows: readonly RegionFigures[] | null | undefined): void {
  const read = rows?.filter(({ readBytes }) => readBytes > 0) ?? [];
  if (!rows || rows.length < 2 || read.length === 0) return;
  const shown = Math.min(rowsShown, read.length);
  page.section(title, `${shown} of ${rows.length}, ordered by bytes read / size`);
  table(page, read.toSorted((a, b) => b.readBytes / b.bytes - a.readBytes / a.bytes).slice(0, rowsShown));
}

/**
 * Whether a fixed choice or plain caching could help, and how far the trace can tell.
 */
export function heat(page: Page, { model, memory, phases, workload, touches }: Summary): void {
  if (!model?.heat) return;
  const { tokens, regionBytes, expertUse, seenShare } = model.heat;
  const watched = touches != null;
  const exact = watched || (!workload?.speculative && tokens === (phases?.generation?.tokens ?? tokens));
  const pieces = exact
    ? format.counted(tokens, watched ? 'watched token' : 'generated token')
    : `${format.counted(tokens, 'mark')}, NOT exact by token`;
  const [read, reads] = watched ? ['used', 'uses'] : ['read', 'reads'];
  const piece = exact ? 'token' : 'mark';
  page.section('Heat', `${reads} ${watched ? 'by' : 'for'} ${pieces}`);
  const every = watched ? 'used by every token' : `read for every ${piece}`;
  const size = format.size(regionBytes.every);
  if (watched) page.figure(size, every, 'size of the regions');
  else page.traced(size, every, 'size of the regions');
  page.figure(format.size(regionBytes.some), `${watched ? 'by' : 'for'} some ${piece}s`);
  page.figure(format.size(regionBytes.never), watched ? 'by none' : 'for none');
  for (const { k, share } of expertUse?.hottest ?? []) {
    page.figure(
      format.percent(share),
      `of expert ${reads}: hottest ${k}`,
      `of each layer's ${expertUse?.count}; ${format.percent(k / (expertUse?.count ?? 1))} if evenly used`,
    );
  }
  if (expertUse?.repeatedShare != null) {
    page.figure(
      format.percent(expertUse.repeatedShare),
      `of expert ${reads} repeat`,
      `the token before ${read} it too`,
    );
  }
  if (seenShare !== null)
    page.figure(
      format.percent(seenShare),
      watched ? 'of certain touches were seen' : 'of certain touches were read',
      watched ? 'every token needs these' : 'every token needs these; the rest was cached',
    );
  if (watched) return;
  for (const line of uncertainty(seenShare, memory.readAheadKib)) page.remark(line);
}

function uncertainty(seenShare: number | null, readAheadKib: number | null): string[] {
  const lines = [];
  if (seenShare !== null && seenShare < 0.9) {
    lines.push('Tokens touch more than this: what memory held was not read from the disk.');
  }
  if (readAheadKib) lines.push(`Readahead (${readAheadKib} KiB) also read data that no token touched.`);
  if (lines.length > 0) lines.push('blkscope run --profile-touches shows what tokens touch.');
  return lines;
}

export function neverRead(page: Page, { model }: Summary): void {
  const regions = model?.neverRead;
  if (!regions || regions.length === 0) return;
  const bytes = regions.reduce((sum, region) => sum + region.bytes, 0);
  page.section('Never read', 'not a byte of these came from the disk');
  page.figure(format.size(bytes), `in ${format.counted(regions.length, 'region')}`);
  for (const region of regions.toSorted((a, b) => b.bytes - a.bytes).slice(0, rowsShown)) {
    page.figure(format.size(region.bytes), printable(region.name));
  }
  if (regions.length > rowsShown) page.remark('... (--regions lists all)');
}

function table(page: Page, rows: readonly RegionFigures[]): void {
  for (const line of regionLines(page, rows)) page.line(line);
}

const regionColumns = toldIn('regions', regionFigures);

function regionLines(page: Pick<Page, 'columns' | 'style'>, rows: readonly RegionFigures[]): string[] {
  return columns(
    page,
    regionColumns,
    rows.map((row) => [row.name, row]),
  );
}

/** Figures in columns, a line for each of `named`; columns of which nothing is known are left out. */
function columns(
  page: Pick<Page, 'columns' | 'style'>,
  figures: readonly ToldFigure[],
  named: readonly (readonly [string, unknown])[],
): string[] {
  const known = figures.filter(({ value }) => named.some(([, values]) => value(values) !== null));
  const rows = named.map(([name, values]) => [
    printable(name),
    ...known.map(({ value, show }) => {
      const found = value(values);
      return found === null ? '-' : show(found);
    }),
  ]);
  const look = { style: page.style, columns: page.columns, gap: 2, indent: 2, longNames: 'above' } as const;
  return layOut([['', ...known.map(({ name }) => name)], ...rows], look)
    .trimEnd()
    .split('\n');
}

/**
 * All tables in full: tensors, layers, roles, experts, what was never read. Empty for a run without a model.
 *
 * @example
 * console.log(renderRegions(run.summary));
 */
export function renderRegions({ model, otherModels = [] }: Summary, screen: Screen = plainScreen): string {
  const others = otherModels.map((other) => `\nalso read: ${nameOf(other)}\n${regionTables(other, screen)}`);
  return fit(regionTables(model, screen) + others.join(''), screen.columns);
}

function regionTables(model: ModelSummary | null, screen: Screen): string {
  const lines: string[] = [];
  for (const kind of groupKinds) {
    const rows = model?.[kind];
    if (!rows) continue;
    append(lines, [`${kind}:`, ...regionLines(screen, rows), '']);
  }
  if (model?.neverRead?.length) {
    lines.push('never read:');
    for (const { name, bytes } of model.neverRead)
      lines.push(`  ${format.size(bytes).padStart(12)}  ${printable(name)}`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n').trimEnd()}\n`;
}
