import { join } from 'node:path';
import { advise } from '../../api/advice.js';
import { runExperiment } from '../../api/experiments.js';
import { synthesizeModel } from '../../api/models.js';
import type { ExperimentOptions } from '../../experiment/options.js';
import { requireTraceable } from '../../experiment/requirements.js';
import { given } from '../../experiment/trace-options.js';
import { makeFolders, removeIn } from '../../files/write.js';
import { formatSize } from '../../memory/size.js';
import { renderComparison } from '../../report/compare.js';
import { renderReport } from '../../report/terminal.js';
import type { Run } from '../../store/open-run.js';
import { embeddedEngine } from '../../workload/embedded.js';
import { findEngine } from '../../workload/find-engine.js';
import { shortPath, stdoutScreen } from '../screen.js';
import { type Session, withSession } from '../session.js';

export interface DemoFlags {
  dir: string;
  size?: number;
  tokens: number;
  keepModel?: boolean;
}

/** The share of the model that memory can hold in the runs that are short of it, the process's own included. */
const limitShare = 0.85;

export async function demo(flags: DemoFlags): Promise<void> {
  await withSession(async (session) => {
    makeFolders(flags.dir);
    const llama = await engineChoice();
    await requireTraceable(flags.dir, { mount: true });
    const path = join(flags.dir, `demo-${process.pid}.gguf`);
    try {
      await compareRuns(path, llama, flags, session);
    } finally {
      if (!flags.keepModel) removeIn(path);
    }
  });
}

/** The embedded engine, whose marks are the exactest; where it is not installed, any. Throws where there is none. */
async function engineChoice(): Promise<{ llama?: string }> {
  try {
    embeddedEngine();
    return { llama: 'embedded' };
  } catch {
    await findEngine();
    return {};
  }
}

async function compareRuns(
  path: string,
  llama: { llama?: string },
  flags: DemoFlags,
  { progress, signal }: Session,
): Promise<void> {
  progress.step('make a model of random weights');
  const model = await synthesizeModel(path, {
    preset: 'demo',
    ...(flags.size === undefined ? {} : { bytes: flags.size }),
    onProgress: (written, total) => progress.update(`${formatSize(written)} of ${formatSize(total)}`),
    signal,
  });
  const limit = Math.round(model.bytes * limitShare);
  const short = { pressure: { mode: 'limit', bytes: limit } as const };
  const stamp = new Date().toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const finished: { name: string; run: Run }[] = [];
  const make = async (name: string, folder: string, conditions: Partial<ExperimentOptions>) => {
    progress.step(`-- ${name}`);
    const { run, problem } = await runExperiment({
      model: path,
      ...llama,
      ...conditions,
      workload: { tokens: flags.tokens },
      output: join(flags.dir, `${stamp}-${folder}`),
      mount: true,
      progress,
      signal,
      commandLine: process.argv,
    });
    if (problem) throw problem;
    finished.push({ name, run });
    return run;
  };
  await make('memory enough', 'demo-enough', {});
  const asIs = await make(`limit ${formatSize(limit)}`, 'demo-limit', short);
  await make('limit, as advised', 'demo-advised', { ...short, ...(await advisedPin(asIs)) });
  progress.end();
  const screen = stdoutScreen();
  for (const { run } of finished)
    process.stdout.write(`${renderReport(run.summary, { title: shortPath(run.path), screen })}\n`);
  const compared = finished.map(({ name, run: { summary, config } }) => ({ name, summary, config }));
  process.stdout.write(
    `${renderComparison(compared, { screen, varied: ['memory', 'pinned', 'streamed', 'readahead'] })}\n`,
  );
}

/**
 * What `blkscope advise` finds best for the run without more memory: so much pinned, the readahead that goes with it, and
 * whether the rest is streamed.
 */
async function advisedPin(run: Run): Promise<Partial<ExperimentOptions>> {
  const { changes } = await advise(run);
  const best = changes.find(
    ({ conditions }) => conditions.pinBytes !== undefined && conditions.memoryBytes === undefined,
  );
  if (!best) return { pin: { bytes: 'auto' } };
  const { pinBytes: bytes = 'auto', stream, readAheadKib } = best.conditions;
  return { pin: { bytes, ...given({ stream }) }, ...given({ readAheadKib }) };
}
