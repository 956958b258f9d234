import type { UseKind } from '../model/uses.js';
import * as format from './format.js';

/** What a token uses of the model's weights: what it does not read whole, where there is any. */
export function usesLine(uses: Readonly<Record<UseKind, number>>): string {
  const names: Record<UseKind, string> = {
    whole: 'used whole by every token',
    rows: 'in tables of which a token looks up rows',
    experts: 'in experts',
    none: 'used by other paths than a text token takes',
    unknown: 'of unknown use',
  };
  const parts = Object.entries(names).flatMap(([kind, name]) => {
    const bytes = uses[kind as UseKind];
    return bytes > 0 ? [`${format.size(bytes)} ${name}`] : [];
  });
  return parts.length === 0 ? 'no weights' : parts.join(', ');
}
