import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { requireTraceable } from '../experiment/requirements.js';
import { given } from '../experiment/trace-options.js';
import { makeFolders } from '../files/write.js';
import { noProgress } from '../machine/progress.js';
import { formatSize } from '../memory/size.js';
import { synthesizeModel } from '../model/synthesize.js';
import { type PlannedOptions, type PlannedOutcome, runPlanned } from './run-planned.js';
import type { Sweep } from './sweep-file.js';
import { planSweep } from './sweep-plan.js';

/** Makes the models that the sweep wants made and are missing, then its runs; see `runPlanned`. */
export async function runSweep(sweep: Sweep, options: PlannedOptions = {}): Promise<PlannedOutcome[]> {
  const { progress = noProgress, signal } = options;
  const plan = planSweep(sweep); // before a large file is made for runs that cannot be
  for (const model of sweep.model) {
    if (typeof model === 'string' || existsSync(model.path)) continue;
    makeFolders(dirname(model.path));
    await requireTraceable(dirname(model.path), given({ mount: options.mount }));
    progress.step(`make ${model.path}`);
    const { path, synthesize: preset, ...made } = model;
    await synthesizeModel(path, {
      preset,
      onProgress: (written, total) => progress.update(`${formatSize(written)} of ${formatSize(total)}`),
      ...given({ ...made, signal }),
    });
  }
  return runPlanned(plan, options);
}
