import { mergeOpenedFiles, type OpenedFile, openedFiles } from '../process/opened-files.js';
import { type ProcessMemory, processMemory } from '../process/process-memory.js';

/** Looks at memory every 0.2 s; at opened files as often at first, when models are loaded, then ever less. */
const lookEveryMs = 200;
/** Before that, for a program that is soon over. */
const firstLooksMs = [10, 40, 100];
const filesAtMost = 5_000;

/** Looks at a running workload now and then: how much memory it has, and which files. */
export class WorkloadWatch {
  /** Highest values seen; null before the first look. */
  highest: ProcessMemory | null = null;
  files: OpenedFile[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #firstLooks: NodeJS.Timeout[];
  readonly #startedMs = performance.now();
  #nextFilesMs = 0;

  constructor(private readonly pid: number) {
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
    this.#firstLooks = firstLooksMs.map((ms) => setTimeout(() => this.look({ files: true }), ms).unref());
  }

  /** Looks now; called also at moments of interest, such as the end of loading. */
  look(options: { files?: boolean } = {}): void {
    const memory = processMemory(this.pid);
    if (memory) this.highest = highestOf(this.highest, memory);
    const elapsed = performance.now() - this.#startedMs;
    if (!options.files && elapsed < this.#nextFilesMs) return;
    this.files = mergeOpenedFiles(this.files, openedFiles(this.pid));
    this.#nextFilesMs = elapsed + Math.min(Math.max(elapsed / 2, lookEveryMs / 2), filesAtMost);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const look of this.#firstLooks) clearTimeout(look);
  }
}

function highestOf(before: ProcessMemory | null, now: ProcessMemory): ProcessMemory {
  if (!before) return now;
  return {
    anonBytes: Math.max(before.anonBytes, now.anonBytes),
    fileBytes: Math.max(before.fileBytes, now.fileBytes),
    lockedBytes: Math.max(before.lockedBytes, now.lockedBytes),
    peakBytes: Math.max(before.peakBytes, now.peakBytes),
  };
}
