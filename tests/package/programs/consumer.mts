// A user's program in TypeScript. It is compiled, not run.
import {
  type Advice,
  advise,
  BlkscopeError,
  type Curve,
  curve,
  type ExperimentOptions,
  holdMemory,
  importTrace,
  type Model,
  pin,
  type RecordOptions,
  readModel,
  record,
  runExperiment,
  type Sized,
  type Summary,
  summarySchema,
} from 'blkscope';
import { actionNames, type EventBatch, Tracer, type TracerOptions } from 'blkscope/capture';
import { SectorSet } from 'blkscope/sectors';
import { openRun, openRuns, type Run, type StoredToken } from 'blkscope/store';

const options: TracerOptions = { devices: ['/dev/sda'], spoolBytes: '1G', files: ['model.gguf'] };
const set: SectorSet = new SectorSet();
const size: bigint = set.intersection(new SectorSet()).size + set.countIn(0, 8);
const tracer = Tracer.start(options);
const take = ({ sector, bytes, action, length }: EventBatch): string | undefined => {
  set.insertMany(
    sector,
    bytes.map((each) => each / 512),
  );
  return actionNames[action[length - 1] ?? 0];
};
for await (const batch of tracer) take(batch);
await tracer.close();

const { run, problem } = await importTrace({ paths: ['trace'] });
const opened: Run = await openRun(run.path);
const summary: Summary = opened.summary;
const checked: Summary = summarySchema.parse(JSON.parse('{}'));
const tokens: StoredToken[] = [];
for await (const token of opened.tokens()) tokens.push(token);
opened.close();
(await openRuns(['runs/*'])).close();

const experiment: Sized<ExperimentOptions> = {
  model: 'model.gguf',
  pressure: { mode: 'limit', bytes: '2G' },
  signal: AbortSignal.timeout(1000),
};
const recording: Sized<RecordOptions> = { files: ['model.gguf'], command: ['cat', 'model.gguf'] };
try {
  const made = [await runExperiment(experiment), await record(recording)];
  const advice: Advice = await advise(made[0]?.run ?? run);
  const { points }: Curve = await curve(run, { memory: ['2G', 4 * 2 ** 30] });
  const model: Model = await readModel('model.gguf');
  const pinned = await pin(model, { budgetBytes: '1G' });
  const memory = await holdMemory('1G');
  console.log(advice.verdict, points.length, pinned.bytes, memory.bytes);
  memory.close();
  await pinned.close();
} catch (error) {
  if (error instanceof BlkscopeError) process.exitCode = error.exitCode;
}
console.log(size, summary.reads.bytes, checked.reads.count, tokens.length, problem?.message);
