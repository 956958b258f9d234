import type { EventBatch } from '../capture/batch.js';
import type { Trace } from '../figures/trace.js';
import type { DeviceConfig } from '../machine/machine.js';
import type { NativeDefect, NativeImporter, NativeTracerInfo } from '../native/trace.js';
import { isoTime } from '../run/wall-clock.js';
import type { Importer } from './importer.js';
import { deviceNames } from './trace-names.js';

export type ImportedFigures = ReturnType<NativeImporter['summary']>;

/** A saved trace as the end of a run takes it. Its devices and where it comes from are known once there is a summary. */
export class SavedTrace implements Trace {
  readonly batches: AsyncIterable<EventBatch>;
  readonly #importer: Importer;
  readonly #paths: readonly string[];
  readonly #unread: readonly NativeDefect[];
  readonly #check: (figures: ImportedFigures) => void;
  #figures: ImportedFigures | null = null;

  /** `unread`: what could not be unpacked, complete when all is read. `check` may throw: no run is made of the trace then. */
  constructor(
    importer: Importer,
    paths: readonly string[],
    unread: readonly NativeDefect[],
    check: (figures: ImportedFigures) => void,
  ) {
    this.batches = importer;
    this.#importer = importer;
    this.#paths = paths;
    this.#unread = unread;
    this.#check = check;
  }

  async summary(): Promise<ImportedFigures> {
    const figures = await this.#importer.summary();
    this.#check(figures);
    this.#figures = { ...figures, defects: [...figures.defects, ...this.#unread] };
    return this.#figures;
  }

  readonly layered = new Uint32Array();

  get info(): NativeTracerInfo {
    const { protocol } = this.#known();
    const none = { cpus: 0, bufferBytes: 0, bufferCount: 0, layered: this.layered };
    return { source: 'file', protocol, reason: 'a saved trace', ...none };
  }

  /** What the devices were is not told by a trace. */
  get devices(): readonly DeviceConfig[] {
    const named = deviceNames(this.#paths, this.#known());
    return named.map((device) => ({ ...device, sectors: null, queue: {} }));
  }

  /**
   * The wall clock at a moment of the trace, by the trace's own note: the first whole microsecond from the note on,
   * since the store's clock knows no less. null without a note.
   */
  get origin(): { startedAt: string | null; startedNs: number | null } {
    const { wallClock } = this.#known();
    if (wallClock === null) return { startedAt: null, startedNs: null };
    const on = (1000n - (wallClock.ns % 1000n)) % 1000n;
    return { startedAt: isoTime(wallClock.ns + on), startedNs: Number(wallClock.atNs + on) };
  }

  #known(): ImportedFigures {
    if (!this.#figures) throw new Error('a saved trace is asked before its summary is there');
    return this.#figures;
  }
}
