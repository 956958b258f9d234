import type { Summary } from '../figures/summary-schema.js';

/** What the traced files are: a model, or whatever `record --file` named. */
export function subjectOf({ files, tensors }: NonNullable<Summary['model']>): 'model' | 'file' | 'files' {
  if (tensors !== null || files.every((file) => file.endsWith('.gguf'))) return 'model';
  return files.length === 1 ? 'file' : 'files';
}

/** Events are missing, so that counts are lower bounds. */
export function countsAreLow({ integrity }: Summary): boolean {
  return integrity.defects.some(({ lowerBounds }) => lowerBounds);
}
