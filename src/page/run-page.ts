import { basename } from 'node:path';
import { defectLine } from '../figures/defects.js';
import { listed, valueAt } from '../figures/figure.js';
import { runFigures } from '../figures/figures.js';
import type { Summary } from '../figures/summary-schema.js';
import { escaped } from '../plot/svg.js';
import * as format from '../report/format.js';
import { shownValue } from '../report/told-figures.js';
import { verdictOf } from '../report/verdict.js';
import type { Run } from '../store/open-run.js';
import { htmlPage } from './html.js';
import { runData } from './run-data.js';
import { shellLine } from './shell-line.js';

/** A run as one HTML file. `name` heads it, such as the run's folder. */
export async function runPage(run: Run, name: string): Promise<string> {
  const title = basename(name);
  const data = await runData(run, title);
  return htmlPage({
    title: `${title} - blkscope`,
    head: headOf(run.summary, title),
    foot: footOf(run),
    content: { kind: 'run', runs: [data], cliff: null, foreseen: [] },
  });
}

function headOf(summary: Summary, name: string): string {
  const { read, failed, limit, contended, trace, help } = verdictOf(summary);
  const { complete, defects, remarks } = summary.integrity;
  const sentences = [
    read,
    ...(failed ? [failed] : []),
    ...(limit ? [limit] : []),
    ...(contended ? [contended] : []),
    ...(complete === false ? [] : [trace]),
    ...(help ? [help] : []),
    ...remarks.map(defectLine),
  ];
  const bad =
    complete === false
      ? [trace, ...defects.map(defectLine)].map((text) => `<p class="bad">${escaped(text)}</p>`)
      : [];
  const told = sentences.map((text) => `<p>${escaped(text).replace(/`([^`]*)`/g, '<code>$1</code>')}</p>`);
  return `<div class="top"><h1>${escaped(name)}</h1></div>
<div class="verdict">${[told[0], ...bad, ...told.slice(1)].join('')}</div>
${numbers(summary)}`;
}

/** What most readers ask for, as numbers; each names its key in summary.json. */
function numbers(summary: Summary): string {
  const keys: [string, string][] = [
    ['workload.tokensPerSecond', 'tokens/s'],
    ['bound.tokensPerSecond', 'tokens/s that memory and disk allow'],
    ['model.readBytes', 'read of the model'],
    ['model.coverage', 'of the model read at least once'],
    ['model.reReadFactor', 'times each byte was read'],
    ['workload.bytesPerToken', 'read for a token'],
    ['reads.count', 'reads, of all files'],
    ['peakBytesPerSecond', 'read in the fastest second'],
    ['memory.majorFaults', 'faults that waited for a read'],
    ['integrity.eventsDropped', 'events lost'],
  ];
  const units = new Map(listed(runFigures).map(({ key, figure }) => [key, figure.unit]));
  const boxes = keys.flatMap(([key, label]) => {
    const value = valueAt(summary, key);
    const unit = units.get(key);
    if (typeof value !== 'number' || !unit) return [];
    return [
      `<div><dt>${escaped(label)}</dt><dd data-key="${key}" data-value="${value}">${escaped(shownValue(unit, value))}</dd></div>`,
    ];
  });
  return `<dl class="numbers">${boxes.join('')}</dl>`;
}

function footOf({ summary, config, path }: Run): string {
  return [
    '<section id="integrity"><h2>Integrity, and what tracing cost</h2>',
    table(integrityRows(summary)),
    '</section><section id="config"><h2>How the run was made</h2>',
    config.commandLine ? `<p>Made again by:</p><pre>${escaped(shellLine(config.commandLine))}</pre>` : '',
    details(
      'Machine, versions and options',
      `<pre>${JSON.stringify(madeWith(config), null, 2).split('\n').map(escaped).join('\n')}</pre>`,
    ),
    details('Every figure of summary.json', table(figureRows(summary))),
    `</section><p class="note">${escaped(path)}</p>`,
  ].join('\n');
}

function madeWith({ kind, startedAt, options, versions, machine, devices }: Run['config']): unknown {
  return { kind, startedAt, options, versions, machine, devices };
}

function integrityRows({ integrity, tracer, source }: Summary): string[][] {
  const count = (value: number | null) => (value === null ? 'not known' : format.count(value));
  return [
    ['complete', integrity.complete === null ? 'not known' : integrity.complete ? 'yes' : 'NO'],
    ['events', count(integrity.eventsRead)],
    ['events lost', count(integrity.eventsDropped)],
    ['read sectors traced', count(integrity.readSectorsTraced)],
    [`counted by ${source.device} itself`, count(integrity.readSectorsDiskstats)],
    ['source', `${source.kind}, records of version ${source.protocol}, Linux ${source.kernel}`],
    ['CPU of capture and analysis', format.seconds(tracer.cpuNs + tracer.analysisNs)],
    ['peak memory of blkscope', format.size(tracer.peakRssBytes)],
    ['written by blkscope while tracing', format.size(tracer.bytesWrittenToDevice)],
  ];
}

function figureRows(summary: Summary): string[][] {
  return listed(runFigures).flatMap(({ key, figure }) => {
    const value = valueAt(summary, key);
    if (typeof value !== 'number') return [];
    return [[key, shownValue(figure.unit, value), figure.label, figure.at]];
  });
}

function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`);
  return `<div class="scroll"><table>${lines.join('')}</table></div>`;
}

function details(title: string, inner: string): string {
  return `<details><summary>${escaped(title)}</summary>${inner}</details>`;
}
