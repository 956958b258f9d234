import { dirname } from 'node:path';
import { type DiskSpeed, measuredDiskSpeed } from '../bound/disk-speed.js';
import { beginChanges, undoChanges } from '../machine/changes.js';
import { mountTracing } from '../machine/mounts.js';
import type { Progress } from '../machine/progress.js';
import type { Steps } from '../machine/steps.js';
import { type CacheState, prepareCache } from '../memory/cache-state.js';
import { availableMemory } from '../memory/locked-memory.js';
import { applyPressure, noPressure, type Pressure } from '../memory/pressure.js';
import { readAheadKib, setReadAhead } from '../memory/readahead.js';
import { formatSize } from '../memory/size.js';
import { swapAreas } from '../memory/swap.js';
import type { Model } from '../model/gguf.js';
import type { PinnedModel } from '../pin/pinned-model.js';
import { type RunFolder, runFiles } from '../run/run-folder.js';
import { CacheWatch } from '../touches/cache-watch.js';
import { TouchWatch } from '../touches/touch-watch.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import { usesPageCache } from '../workload/loading.js';
import type { ResolvedWorkload } from '../workload/resolved.js';
import type { ResolvedOptions } from './options.js';
import { pinModel } from './pin-model.js';
import { smallestLimit } from './profile-touches.js';
import { tryTracing } from './requirements.js';
import { mountSpool } from './spool-mount.js';
import type { RunSubject } from './subject.js';
import { type FoundTargets, given, tracerOptions } from './trace-options.js';
import { canBeWatched, profiledPasses } from './watch-touches.js';

/** A machine that is ready for the workload; the steps undo it. */
export interface Prepared {
  trace: FoundTargets;
  cache: CacheState;
  /** Of the model's disk; null: it could not be measured. */
  diskSpeed: DiskSpeed | null;
  pressure: Pressure;
  readAheadKib: number;
  workload: ResolvedWorkload;
  pinned: PinnedModel | null;
  /** null: what tokens use is not watched. */
  touches: TouchWatch | null;
  /** null: what becomes of the bytes read is not asked. */
  account: CacheWatch | null;
}

/** Everything before the trace, each step undone by `steps`: tracing is tried, then cache, readahead, pressure, pin. */
export async function prepare(
  asked: ResolvedOptions,
  subject: RunSubject,
  folder: RunFolder,
  steps: Steps,
): Promise<Prepared> {
  const { progress } = asked;
  const { model, files, engine } = subject;
  const log = folder.file(runFiles.log);
  if (asked.mount) await mountTracing(steps);
  const trace = tracerOptions(await mountSpool(steps, asked), [files.disk], files.extents);
  await tryTracing(steps, trace);
  if (asked.account) new CacheWatch(files.paths, null).stop(); // a kernel that does not tell is refused before anything is done
  const options = asked.profileTouches ? await profiling(asked, engine, model, log, steps) : asked;
  const { cache } = options;
  const resetCache = () => setCache(options, files.paths, steps);
  await resetCache();
  await setReadAheadFor(options, files.disk, steps);
  const diskSpeed = await steps.step(`measure how fast ${files.disk} reads`, () =>
    measuredDiskSpeed(model.path, files.disk, dirname(folder.target)),
  );
  const pressure = await setPressure(options, steps);
  const readAhead = readAheadKib(files.disk);
  const workload: ResolvedWorkload = {
    ...options.workload,
    model: model.path,
    modelParts: model.parts,
    log,
    launch: pressure.cgroup ? { cgroupProcsFile: pressure.cgroup.procsFile } : {},
    ...given({ signal: options.signal }),
  };
  const { pin: request } = options;
  if (request) warnOfUselessPin(engine, workload, progress);
  const pin = request && {
    ...{ request, model, engine, workload, pressure, resetCache },
    readAheadKib: readAhead,
  };
  const pinned = pin ? await pinModel(pin, steps, progress) : null;
  const touches = options.touches
    ? new TouchWatch(model, profiledPasses(options.workload), { follow: options.account ?? false })
    : null;
  const account = options.account
    ? new CacheWatch(files.paths, model, { passesWatched: touches !== null })
    : null;
  return { trace, cache, diskSpeed, pressure, readAheadKib: readAhead, workload, pinned, touches, account };
}

/** Touches are watched; where they cannot be: the smallest limit that works, readahead off. Before all else is set up, since it runs the workload a few times. */
async function profiling(
  options: ResolvedOptions,
  engine: Engine,
  model: Model,
  log: string,
  steps: Steps,
): Promise<ResolvedOptions> {
  const workload = { ...options.workload, model: model.path, log, ...given({ signal: options.signal }) };
  if (await canBeWatched(model, engine, workload, steps, options.progress))
    return { ...options, touches: true };
  const bytes = await smallestLimit(engine, workload, steps, options.progress);
  return { ...options, pressure: { mode: 'limit', bytes }, readAheadKib: 0 };
}

async function setCache(
  { cache, dropCaches, progress }: ResolvedOptions,
  paths: readonly string[],
  steps: Steps,
): Promise<void> {
  const names = { cold: 'evict the model from the page cache', warm: 'read the model into the page cache' };
  if (cache === 'asIs' && !dropCaches) return;
  const name = cache === 'asIs' ? 'drop the page cache' : names[cache];
  await steps.step(name, () =>
    prepareCache(cache, paths, { dropCaches, onProgress: (text) => progress.update(text) }),
  );
}

async function setReadAheadFor(
  { readAheadKib: kib }: ResolvedOptions,
  disk: string,
  steps: Steps,
): Promise<void> {
  if (kib === undefined) return;
  const changes = beginChanges(steps.signals);
  steps.onUndo(`restore the readahead of ${disk}`, () => undoChanges(changes));
  await steps.step(`set the readahead of ${disk} to ${kib} KiB`, () => setReadAhead(changes, disk, kib));
}

async function setPressure(options: ResolvedOptions, steps: Steps): Promise<Pressure> {
  const { pressure: request, progress } = options;
  if (request.mode === 'none') return noPressure;
  const changes = beginChanges(steps.signals);
  const apply = () =>
    applyPressure(request, {
      changes,
      availableBytes: availableMemory(),
      onProgress: (text) => progress.update(text),
      ...given({ signal: options.signal }),
    });
  warnOfSwap(progress);
  const names = { lock: 'lock memory', leave: 'lock memory', limit: 'make the memory cgroup' };
  if (request.mode === 'limit') steps.onUndo('remove the memory cgroup', () => undoChanges(changes));
  const pressure = await steps.step(names[request.mode], apply);
  if (request.mode !== 'limit') steps.onUndo('release the locked memory', () => pressure.release());
  return pressure;
}

/** A pin holds pages of the file: to a program that has its own copy they do nothing. */
function warnOfUselessPin(engine: Engine, workload: WorkloadOptions, progress: Progress): void {
  const loading = engine.loading?.(workload);
  if (!loading || usesPageCache(loading)) return;
  progress.warn(
    `--pin gives nothing with load mode ${loading.mode}: the program reads the file once, into memory of its own`,
  );
}

/** With swap, pressure pushes out anonymous memory too, and the reads of the model are not all that it costs. */
function warnOfSwap(progress: Progress): void {
  for (const { path, bytes, zram } of swapAreas()) {
    const where = zram
      ? 'compressed memory, which is part of the same memory'
      : 'its traffic is on the disk as well';
    progress.warn(`swap is on: ${path}, ${formatSize(bytes)} (${where}); 'swapoff ${path}' switches it off`);
  }
}
