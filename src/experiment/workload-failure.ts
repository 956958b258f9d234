import type { Summary } from '../figures/summary-schema.js';
import { type RunFolder, runFiles } from '../run/run-folder.js';
import type { WorkloadOutcome } from '../workload/engine.js';

/** How a workload failed and, where it can be told, why. */
export function workloadFailure(outcome: WorkloadOutcome, { memory }: Summary, folder: RunFolder): string {
  const name = outcome.argv[0]?.split('/').at(-1) ?? outcome.engine;
  const how = outcome.timedOut
    ? 'ran into its time limit'
    : outcome.signalName
      ? `was ended by ${outcome.signalName}`
      : `ended with exit code ${outcome.exitCode}`;
  const killedByLimit = outcome.signalName === 'SIGKILL' && memory.limitBytes !== null && !outcome.timedOut;
  const copied = outcome.weights === 'copied' ? ', which copied its weights into memory of its own' : '';
  const why = killedByLimit
    ? `: the memory limit is too small for it${copied}`
    : outcome.errorLine
      ? `: ${outcome.errorLine}`
      : '';
  return `${name} ${how}${why}; its output is in ${folder.target}/${runFiles.log}`;
}
