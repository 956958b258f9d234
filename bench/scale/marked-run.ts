// Makes a run of a trace and of tokens whose times are told, as `run` makes one of a workload. A process of its own, so that its
// peak memory is its own.
//
//   marked-run.ts MODEL TRACE RUN TOKENS    TOKENS: a file of JSON with the time of each, ns
import { readFileSync } from 'node:fs';
import { finishRun } from '../../dist/experiment/finish-run.js';
import { unknownOf } from '../../dist/figures/figure.js';
import { memoryFigures } from '../../dist/figures/figures.js';
import { deviceNumber } from '../../dist/machine/machine.js';
import { Steps } from '../../dist/machine/steps.js';
import { locateFiles } from '../../dist/machine/traced-files.js';
import { readModel } from '../../dist/model/gguf.js';
import { configStart } from '../../dist/run/config.js';
import { RunFolder } from '../../dist/run/run-folder.js';
import { ResidencyWatch } from '../../dist/sample/residency.js';
import { Importer } from '../../dist/trace-file/importer.js';
import { SavedTrace } from '../../dist/trace-file/saved-trace.js';
import type { Mark, WorkloadOutcome } from '../../dist/workload/engine.js';

const [path = '', trace = '', output = '', tokens = ''] = process.argv.slice(2);
const tokensNs: number[] = JSON.parse(readFileSync(tokens, 'utf8'));
const firstNs = BigInt(tokensNs[0] ?? 0);
const marks: Mark[] = [
  { kind: 'started', time: 1n },
  { kind: 'loaded', time: 2n },
  { kind: 'promptDone', time: firstNs },
  ...tokensNs.map((time, index): Mark => ({ kind: 'token', time: BigInt(time), index })),
  { kind: 'ended', time: BigInt(tokensNs.at(-1) ?? 0) + 1n },
];

const model = await readModel(path);
const located = locateFiles([path]);
const device = deviceNumber(located.disk);
using importer = new Importer({
  traces: [{ path: trace }],
  files: located.extents,
  fileDevice: device,
  deliver: true,
  inOrder: true,
});
const saved = new SavedTrace(importer, [trace], [], () => {});
const endedAt = BigInt(tokensNs.at(-1) ?? 0) + 1n;
const outcome: WorkloadOutcome = {
  ...{
    engine: 'llama-cli',
    argv: ['llama-cli'],
    version: null,
    exitCode: 0,
    signalName: null,
    timedOut: false,
  },
  ...{
    startedAt: 1n,
    endedAt,
    wallNs: endedAt - 1n,
    marks,
    loading: null,
    readBytes: null,
    weights: 'mapped',
  },
  ...{ modelBytes: model.bytes, modelMappedBytes: model.bytes, rssAnonBytes: null, rssFileBytes: null },
  ...{ lockedBytes: null, peakRssBytes: null, majorFaults: null, minorFaults: null, openedFiles: [] },
  ...{ logLeftOutBytes: 0, errorLine: null },
  timings: {
    ...{ loadNs: 1n, promptTokens: 1, promptTokensPerSecond: 1, tokens: tokensNs.length },
    ...{ tokensPerSecond: 1, saidTokenNs: null },
  },
  generation: null,
};
await finishRun({
  folder: RunFolder.begin(output),
  steps: new Steps(),
  step: 'write the run',
  trace: saved,
  watched: { outcome, samples: [], residency: new ResidencyWatch([], []), bytesWritten: 0, viewNs: 0 },
  files: located.files,
  filesDevice: device,
  models: [model],
  memory: {
    ...unknownOf(memoryFigures),
    ...{ mode: 'limit', limitBytes: Math.round(model.bytes / 2), cacheState: null, stream: null },
    ...{ lockedBytes: 0, pinnedBytes: 0 },
  },
  config: configStart('run', undefined, {}),
  bound: { diskSpeed: null, warm: { ns: 1e6, quiet: true }, records: null, atOnce: 1 },
  interruption: () => null,
});
