import { rowTables, storedTables, tables } from './schema.js';
import { viewList } from './views.js';

const known = new Set([...tables, ...rowTables, ...Object.keys(storedTables), ...Object.keys(viewList)]);

/** What may show relations that it does not name, or does more than ask. */
const showsOthers = /\b(show|describe|summarize|pragma|information_schema|(duckdb|pg|sqlite)_\w+)\b/i;

/**
 * The tables and views that a query may read: those whose names are in it as words. null: it may show others, too. A query that makes
 * a name up fails without what it names.
 */
export function namedRelations(sql: string): Set<string> | null {
  if (!/^\s*(select|from|with)\b/i.test(sql) || showsOthers.test(sql)) return null;
  return relationsIn(sql);
}

/** These, with what the views among them are made of. */
export function withSources(names: ReadonlySet<string>): Set<string> {
  const all = new Set(names);
  for (const name of all) {
    const view = (viewList as Record<string, { sql: string } | undefined>)[name];
    for (const source of view ? relationsIn(view.sql) : []) all.add(source);
  }
  return all;
}

/** The tables and views whose names are in a text as words. */
export function relationsIn(sql: string): Set<string> {
  const words = sql.toLowerCase().match(/\w+/g) ?? [];
  return new Set(words.filter((word) => known.has(word)));
}
