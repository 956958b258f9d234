import { Folder } from '../files/folder.js';
import { beginChanges, undoChanges } from '../machine/changes.js';
import { journalDirectory } from '../machine/recover.js';
import type { Steps } from '../machine/steps.js';
import { formatSize } from '../memory/size.js';
import type { TraceOptions } from './trace-options.js';

/**
 * Mounts the tmpfs that was asked for and makes it the spool's directory. To be called before memory is locked, so
 * that a tmpfs too large for the machine shows then and not in mid-capture.
 */
export async function mountSpool(steps: Steps, options: TraceOptions): Promise<TraceOptions> {
  const bytes = options.spoolTmpfsBytes;
  if (bytes === undefined) return options;
  const changes = beginChanges(steps.signals);
  const target = `${journalDirectory()}/spool-${process.pid}`;
  let held: Folder | null = null;
  steps.onUndo('unmount the spool', () => {
    held?.[Symbol.dispose]();
    undoChanges(changes);
  });
  held = await steps.step(`mount a tmpfs of ${formatSize(bytes)} for the spool`, () => {
    changes.makeDirectory(target);
    changes.mount('tmpfs', target, `size=${bytes},mode=700`);
    return Folder.open(target, null); // it is ours, whoever called sudo
  });
  return { ...options, spoolDirectory: held.path, spoolFileBytes: bytes };
}
