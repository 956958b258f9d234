#!/usr/bin/env -S npx tsx
// Makes the tables of docs/ that follow from lists in the sources: figures, tables and views of the store.
//   npm run docs:tables
// A table stands between `<!-- table NAME: made by npm run docs:tables -->` and `<!-- end of table -->`.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorCodes } from '../src/error-codes.js';
import { type Figures, listed } from '../src/figures/figure.js';
import * as lists from '../src/figures/figures.js';
import { storedTables, tables } from '../src/store/schema.js';
import { viewList, views } from '../src/store/views.js';

/** The pages that hold such tables. */
export const pages = [
  'docs/api.md',
  'docs/metrics.md',
  'docs/store.md',
  'docs/touches.md',
  'docs/account.md',
] as const;

const cell = (text: string) => text.replaceAll('|', '\\|');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function figureTable(list: Figures, group = ''): string {
  const rows = listed(list, group).map(({ key, figure: { label, at } }) => [`\`${key}\``, label, at]);
  return table(['figure', 'what it is', 'taken at, or made from'], rows);
}

interface Shown {
  row: string;
  columns: Record<string, string | { type: string; about: string }>;
}

function relation(name: string, { row, columns }: Shown): string {
  const rows = Object.entries(columns).map(([column, declared]) =>
    typeof declared === 'string' ? [column, declared] : [column, typed(declared)],
  );
  return `**${name}**: a row is ${row}.\n\n${table(['column', 'what it holds'], rows)}`;
}

const typed = ({ type, about }: { type: string; about: string }) =>
  /NOT NULL|PRIMARY KEY/.test(type) || about.includes('null') ? about : `${about}; may be null`;

const relations: Record<string, Shown> = { ...storedTables, ...viewList };
const relationsOf = (names: readonly string[]) =>
  names.map((name) => relation(name, relations[name] as Shown)).join('\n\n');

const rowNames = Object.keys(storedTables).filter((name) => !(tables as readonly string[]).includes(name));

/** The text of each table by its name. */
export const made: Record<string, string> = {
  errors: table(
    ['code', 'means'],
    Object.entries(errorCodes).map(([code, meaning]) => [`\`${code}\``, meaning]),
  ),
  figures: figureTable(lists.partWithAccess),
  phases: figureTable(lists.phaseFigures),
  regions: figureTable(lists.regionFigures),
  workload: figureTable(lists.workloadFigures, 'workload'),
  memory: figureTable(lists.runFigures.memory, 'memory'),
  stream: figureTable(lists.streamFigures, 'memory.stream'),
  touches: figureTable(lists.touchFigures, 'touches'),
  account: figureTable(lists.accountFigures, 'account'),
  bound: figureTable(lists.boundFigures, 'bound'),
  contention: figureTable(lists.contentionFigures, 'contention'),
  integrity: figureTable(lists.integrityFigures, 'integrity'),
  tracer: figureTable(lists.tracerFigures, 'tracer'),
  tables: relationsOf([...tables, ...rowNames]),
  views: relationsOf(views),
};

const marked = /(<!-- table (\w+): made by npm run docs:tables -->\n)[\s\S]*?(<!-- end of table -->)/g;

/** A page with its tables made anew. Throws for a table that nothing makes. */
export function filled(page: string): string {
  return page.replace(marked, (_, begin: string, name: string, end: string) => {
    const text = made[name];
    if (text === undefined) throw new Error(`docs:tables: nothing makes the table ${name}`);
    return `${begin}${text}\n${end}`;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const page of pages) {
    const path = fileURLToPath(new URL(`../${page}`, import.meta.url));
    writeFileSync(path, filled(readFileSync(path, 'utf8')));
  }
}
