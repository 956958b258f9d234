import type { Summary } from '../figures/summary-schema.js';

/** What the traced files are: a model, or whatever `record --file` named. */
export function subjectOf({ files, tensors }: NonNullable<Summary['model']>): 'model' | 'file' | 'files' {
  if (tensors !== null || files.every((file) => file.endsWith('.gguf'))) return 'model';
  return files.length === 1 ? 'file' : 'files';
}

/** The same of all that was traced: a draft or a projector is traced beside its model. */
export function allSubjects({ model, otherModels = [] }: Summary): string {
  if (otherModels.length > 0) return 'models';
  return model ? subjectOf(model) : 'model';
}

/** Events are missing, so that counts are lower bounds. */
export function countsAreLow({ integrity }: Summary): boolean {
  return integrity.defects.some(({ lowerBounds }) => lowerBounds);
}

/** Bytes read of what is none of the run's models and files. */
export function readBeside({ reads, model, otherModels = [], modelsReadBytes }: Summary): number {
  const ofEach = [...(model ? [model] : []), ...otherModels].reduce(
    (sum, { readBytes }) => sum + readBytes,
    0,
  );
  return Math.max(0, reads.bytes - (modelsReadBytes ?? ofEach)); // a run of an older blkscope has the sum alone
}
