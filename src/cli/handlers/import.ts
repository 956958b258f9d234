import { given } from '../../experiment/trace-options.js';
import { importTrace } from '../../trace-file/import-trace.js';
import { showRun, withSession } from '../session.js';

export interface ImportFlags {
  file?: string[];
  model?: string;
  inOrder?: boolean;
  output?: string;
  store: boolean;
  json?: boolean;
}

export async function readTrace(paths: string[], flags: ImportFlags): Promise<void> {
  const finished = await withSession(({ progress, signal }) =>
    importTrace({
      paths,
      store: flags.store,
      ...given({ files: flags.file, model: flags.model, inOrder: flags.inOrder, output: flags.output }),
      progress,
      signal,
      commandLine: process.argv,
    }),
  );
  await showRun(finished, flags.json ?? false);
}
