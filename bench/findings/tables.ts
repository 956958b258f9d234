// The tables of docs/findings.md, of the runs of a sweep: a column each group of repeats.
//   npm run bench:findings -- FOLDER [--only figures|order|roles]
// FOLDER is what a sweep wrote (blkscope sweep bench/original.yaml). A cell shows the median of the repeats, then the least and
// the most where they differ; what read least of the model comes first. `figures`: how much, how fast, and whether the tracer
// can be trusted. `order`: the classes of gaps of the model's reads, as issued and by offset in the file. `roles`: how often
// each part of the model was read.
import { parseArgs } from 'node:util';
import { type ComparedGroup, openGroups, type Summary } from '../../src/index.js';
import * as format from '../../src/report/format.js';
import { spread } from '../spread.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' } },
});

type Value = number | null | undefined;
type Row = [label: string, text: (value: number) => string, value: (summary: Summary) => Value];

const bytes = (value: number) => format.size(Math.round(value));
const share = (part: Value, whole: Value) =>
  part == null || whole == null || whole === 0 ? null : part / whole;

/** Of what the runs take memory for: a limit, or what was available. */
const memoryOf = ({ memory }: Summary) => memory.limitBytes ?? memory.availableBefore;

const figures: Row[] = [
  ['memory for the workload', bytes, memoryOf],
  ['read from the model', bytes, ({ model }) => model?.readBytes],
  ['unique', bytes, ({ model }) => model?.uniqueBytes],
  ['coverage', format.percent, ({ model }) => model?.coverage],
  ['re-read factor', format.factor, ({ model }) => model?.reReadFactor],
  ['read while loading', bytes, ({ phases }) => phases?.load?.model?.readBytes],
  ['read for the prompt', bytes, ({ phases }) => phases?.prompt?.model?.readBytes],
  ['read per generated token', bytes, ({ workload }) => workload?.bytesPerToken],
  ['of it read although memory had room', bytes, ({ bound }) => bound?.reReadBytesPerToken],
  ['tokens/s', format.decimal, ({ workload }) => workload?.tokensPerSecond],
  ['bound, tokens/s', format.decimal, ({ bound }) => bound?.tokensPerSecond],
  ['prompt, tokens/s', format.decimal, ({ workload }) => workload?.promptTokensPerSecond],
  ['peak of the disk', format.rate, ({ peakBytesPerSecond }) => peakBytesPerSecond],
  ['model cached after', bytes, ({ memory }) => memory.modelCachedAfter],
  ['requeues', format.count, ({ requests }) => requests.requeues],
  ['events lost', format.count, ({ integrity }) => integrity.eventsDropped],
  [
    'sectors traced beyond the disk’s own count',
    format.count,
    ({ integrity }) =>
      (integrity.readSectorsTraced ?? Number.NaN) - (integrity.readSectorsDiskstats ?? Number.NaN),
  ],
  ['tracer, of one CPU', format.percent, ({ tracer, workload }) => share(tracer.cpuNs, workload?.wallNs)],
  [
    'waited for a CPU, of the time',
    format.percent,
    ({ contention, workload }) => share(contention?.cpuDelayNs, workload?.wallNs),
  ],
];

function cell(runs: readonly Summary[], [, text, value]: Row): string {
  const values = runs.map(value).filter((each): each is number => each != null && !Number.isNaN(each));
  if (values.length === 0) return '';
  const { median, least, most } = spread(values);
  const [middle = '', low = '', high = ''] = [median, least, most].map(text);
  if (middle === low && middle === high) return middle;
  const unit = / \D+$/.exec(middle)?.[0] ?? '';
  if (unit !== '' && low.endsWith(unit) && high.endsWith(unit)) {
    const number = (each: string) => each.slice(0, -unit.length);
    return `${number(middle)} (${number(low)} to ${number(high)})${unit}`;
  }
  return `${middle} (${low} to ${high})`;
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(line).join('');
}

function figuresOf(groups: readonly ComparedGroup[]): string {
  const rows = figures.map((row) => [row[0], ...groups.map(({ summaries }) => cell(summaries, row))]);
  return table(
    ['', ...groups.map(({ name, summaries }) => `${name}, ${format.counted(summaries.length, 'run')}`)],
    rows,
  );
}

const classes = ['sequential', 'small', 'medium', 'large', 'backward'] as const;

function orderOf(groups: readonly ComparedGroup[]): string {
  const rows = groups.flatMap(({ name, summaries }) =>
    (['device', 'file'] as const).map((order) => {
      const row = (one: (typeof classes)[number]): Row => [
        one,
        format.percent,
        (summary) => {
          const gaps = order === 'device' ? summary.model?.access?.gaps.device : summary.gaps.file;
          return (
            gaps &&
            share(
              gaps[one],
              classes.reduce((sum, each) => sum + gaps[each], 0),
            )
          );
        },
      ];
      return [
        `${name}, ${order === 'device' ? 'as issued' : 'by offset in the file'}`,
        ...classes.map((one) => cell(summaries, row(one))),
      ];
    }),
  );
  return table(['the model’s reads', ...classes], rows);
}

function rolesOf(groups: readonly ComparedGroup[]): string {
  const names = [
    ...new Set(
      groups.flatMap(({ summaries }) =>
        summaries.flatMap(({ model }) => model?.roles?.map(({ name }) => name) ?? []),
      ),
    ),
  ];
  const role = (name: string, summary: Summary) => summary.model?.roles?.find((each) => each.name === name);
  const rows = names.map((name) => [
    name,
    cell(
      groups.flatMap(({ summaries }) => summaries),
      ['', bytes, (summary) => role(name, summary)?.bytes],
    ),
    ...groups.map(({ summaries }) =>
      cell(summaries, ['', format.factor, (summary) => role(name, summary)?.reReadFactor]),
    ),
  ]);
  return table(['part', 'size', ...groups.map(({ name }) => name)], rows);
}

const tables = { figures: figuresOf, order: orderOf, roles: rolesOf };

/** The least first. */
function byBytesRead(groups: readonly ComparedGroup[]): ComparedGroup[] {
  const read = ({ summaries }: ComparedGroup) =>
    spread(summaries.map(({ model }) => model?.readBytes ?? 0)).median;
  return groups.toSorted((a, b) => read(a) - read(b));
}

for (const folder of positionals) {
  const groups = byBytesRead(await openGroups(folder));
  for (const [name, made] of Object.entries(tables))
    if (!flags.only || flags.only === name) process.stdout.write(`${made(groups)}\n`);
}
