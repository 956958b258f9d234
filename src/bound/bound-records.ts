import { statSync } from 'node:fs';
import type { Model } from '../model/gguf.js';
import type { Engine, WorkloadOptions } from '../workload/engine.js';
import { BestSeen } from './best-seen.js';

export interface BoundSubject {
  engine: Pick<Engine, 'name' | 'path'>;
  model: Pick<Model, 'parts'>;
  workload: WorkloadOptions;
  /** The kernel's name of the disk. */
  disk: string;
}

/** What the runs in a folder ever showed of a bound's ingredients, so that runs of one model, engine and disk share one bound. */
export class BoundRecords {
  /** ns for a token with everything cached, on a machine that was left alone. */
  readonly compute: BestSeen;
  /** The same as far as other runs tell it. */
  readonly estimate: BestSeen;
  /** Bytes a second of the disk. */
  readonly bandwidth: BestSeen;
  /** The workload's own memory, in bytes. */
  readonly ownMemory: BestSeen;

  constructor(folder: string, subject: BoundSubject) {
    const key = computeKey(subject);
    this.compute = new BestSeen(folder, `cached compute ${key}`, 'least');
    this.estimate = new BestSeen(folder, `estimated compute ${key}`, 'least');
    this.ownMemory = new BestSeen(folder, `own memory ${key}`, 'least');
    this.bandwidth = new BestSeen(folder, `bandwidth of ${subject.disk}`, 'most');
  }
}

/** Of the model's files, the program, and what is asked of it that changes how a token is computed. */
export function computeKey({ engine, model, workload }: Omit<BoundSubject, 'disk'>): string {
  const changed = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
  const { threads, repack, mmap, extraArgs = [] } = workload;
  return JSON.stringify({
    engine: engine.path === null ? engine.name : [engine.path, changed(engine.path)],
    files: model.parts.map(({ path, bytes }) => [path, bytes, changed(path)]),
    workload: { threads, repack, mmap, extraArgs },
  });
}
