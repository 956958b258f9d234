// llama.cpp with the model's pages kept under a limit, ended after a minute at the latest; what was traced until then is kept.
//   sudo npx tsx experiment.ts model.gguf 2G
import { BlkscopeError, renderReport, runExperiment } from 'blkscope';

const [model = 'model.gguf', limit = '2G', output = `runs/experiment-${Date.now()}`] = process.argv.slice(2);
const stop = new AbortController();
const timer = setTimeout(() => stop.abort(new Error('a minute is over')), 60_000);
try {
  const { run, problem } = await runExperiment({
    model,
    output,
    pressure: { mode: 'limit', bytes: limit },
    workload: { tokens: 30 },
    mount: true,
    signal: stop.signal,
    progress: { step: (name) => console.log(name), update: () => {}, warn: console.warn },
  });
  console.log(renderReport(run.summary, { title: run.path }));
  if (problem) console.error(problem.message);
  run.close();
} catch (error) {
  // One class of errors, with a code for programs: NOT_GGUF, EPERM, TRACER_BUSY, NO_HEADROOM, ...
  if (!(error instanceof BlkscopeError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = error.exitCode;
} finally {
  clearTimeout(timer);
}
