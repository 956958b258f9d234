import { existsSync, readdirSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { runFiles } from '../run/run-folder.js';

/**
 * Run folders by path or by pattern (`runs/*`; `*` and `?` as in a shell, names with a leading dot left out).
 *
 * A pattern takes what holds a trace and passes over the rest. Throws BlkscopeError: a pattern that no run matches.
 */
export function findRuns(patterns: readonly string[]): string[] {
  return [...new Set(patterns.flatMap(matching))];
}

function matching(pattern: string): string[] {
  if (!/[*?]/.test(pattern) || existsSync(pattern)) return [resolve(pattern)];
  const { root } = parse(resolve(pattern));
  const segments = resolve(pattern).slice(root.length).split('/');
  const found = segments
    .reduce<string[]>((folders, segment) => folders.flatMap((folder) => inside(folder, segment)), [root])
    .filter((path) => existsSync(join(path, runFiles.trace)));
  if (found.length === 0) throw new BlkscopeError('ENOENT', `${pattern}: no run with a trace matches`);
  return found.sort();
}

function inside(folder: string, segment: string): string[] {
  if (!/[*?]/.test(segment)) return existsSync(join(folder, segment)) ? [join(folder, segment)] : [];
  const literal = segment.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const matcher = new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isFile() && !entry.name.startsWith('.') && matcher.test(entry.name))
    .map(({ name }) => join(folder, name));
}
