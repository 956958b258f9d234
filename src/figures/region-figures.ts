import type { EventBatch } from '../capture/batch.js';
import { greatest, smallest } from '../extremes.js';
import { groupRegions, type RegionGroups } from '../model/region-groups.js';
import type { Region } from '../model/regions.js';
import { native } from '../native/binding.js';
import type { NativeRegionReads, NativeTouches } from '../native/regions.js';
import type { NativeExtents } from '../native/trace.js';
import type { Generation, Mark } from '../workload/engine.js';
import { phaseWindows, type Slot, timeSlots } from './phases.js';
import type { RegionFigures } from './summary-schema.js';

/** What the summary tells by region. */
export interface RegionResults {
  /** False: unique bytes are too low, because there was no memory for the set of sectors. */
  setsComplete: boolean;
  /** A row a group, in the model's order; see region-groups.ts. */
  rows: RegionFigures[];
  groups: RegionGroups['groups'];
  /** What was never read, whole regions only, in the model's order. */
  neverRead: { name: string; bytes: number }[];
  /** Pieces that the generation is cut into, by marks: one a token, where each has its mark. */
  marks: number;
  /** Of so many pieces it is told what was read for each, of the later ones what was read for all; null: it is told for each. */
  marksTold: number | null;
  /** What was read of each region in each slot of time, in order of both; `region` is an index of the regions given. */
  touches: Iterable<SlotTouch>;
}

export type SlotTouch = Pick<Slot, 'phase' | 'token'> & { region: number; bytes: number };

/**
 * Joins a trace with a model's regions, by the slots of time that a workload's marks make: off the measured path, from
 * the very batches that go to the store, after the workload has ended, since its marks are known only then.
 */
export class RegionJoin {
  readonly #native: NativeRegionReads;
  readonly #regions: readonly Region[];
  readonly #groups: RegionGroups;
  readonly #slots: Slot[];
  /** Pieces that the generation is cut into, by marks. */
  readonly #marks: number;
  /** Generated after the first, as the program says; each has a mark, or not. */
  readonly #tokens: number;

  /**
   * `files` lie on the disk with the kernel's number `device`; regions' parts are indices of `files`. `said`: what the
   * program says of its generation, where it does.
   */
  constructor(
    files: NativeExtents[],
    device: number,
    regions: readonly Region[],
    marks: readonly Mark[],
    said: Generation | null = null,
  ) {
    this.#regions = regions;
    this.#groups = groupRegions(regions);
    this.#slots = timeSlots(marks, said);
    this.#marks = this.#slots.filter(({ token }) => token !== null).length;
    this.#tokens = phaseWindows(marks, said).find(({ name }) => name === 'generation')?.tokens ?? 0;
    this.#native = new native.RegionReads({
      files,
      device,
      regions: {
        files: Uint32Array.from(regions, ({ part }) => part),
        offsets: BigUint64Array.from(regions, ({ offset }) => BigInt(offset)),
        bytes: BigUint64Array.from(regions, ({ bytes }) => BigInt(bytes)),
      },
      groupings: this.#groups.groupings,
      boundaries: BigUint64Array.from(this.#slots, ({ fromNs }) => fromNs),
      joinable: {
        from: Math.max(
          0,
          this.#slots.findIndex(({ token }) => token !== null),
        ),
        to: this.#slots.findLastIndex(({ token }) => token !== null) + 1,
      },
    });
  }

  consume(batch: EventBatch): void {
    this.#native.consume(batch);
  }

  /** Once, after the last batch. */
  results(): RegionResults {
    const { regions, groupReads, touches, complete, joinedFrom } = this.#native.finish();
    const generated = this.#generatedBytes(touches);
    const rows = this.#groups.groups.map(({ kind, name, regions: members, layer, role, expert }, group) => {
      const sum = (column: ArrayLike<number>) =>
        members.reduce((total, i) => total + (column[i] as number), 0);
      const readMembers = members.filter((i) => (regions.reads[i] as number) > 0);
      const bytes = members.reduce((total, i) => total + (this.#regions[i]?.bytes ?? 0), 0);
      const [uniqueBytes, readBytes] = [sum(regions.uniqueBytes), sum(regions.readBytes)];
      return {
        name,
        ...(kind === 'tensors' ? { layer, role } : kind === 'experts' ? { layer, expert } : {}),
        bytes,
        uniqueBytes,
        coverage: bytes === 0 ? 0 : uniqueBytes / bytes,
        readBytes,
        reReadFactor: uniqueBytes === 0 ? null : readBytes / uniqueBytes,
        reads: groupReads[group] ?? 0,
        generationBytes: this.#tokens === 0 ? null : sum(generated),
        bytesPerToken: this.#tokens === 0 ? null : sum(generated) / this.#tokens,
        firstNs:
          readMembers.length === 0 ? null : smallest(readMembers.map((i) => regions.firstNs[i] as number)),
        lastNs:
          readMembers.length === 0 ? null : greatest(readMembers.map((i) => regions.lastNs[i] as number)),
      };
    });
    return {
      setsComplete: complete,
      rows,
      groups: this.#groups.groups,
      neverRead: this.#neverRead(regions.readBytes),
      marks: this.#marks,
      marksTold: joinedFrom === null ? null : (this.#slots[joinedFrom]?.token ?? null),
      touches: { [Symbol.iterator]: () => this.#eachOf(touches, joinedFrom) },
    };
  }

  /** One after the other: as many objects as there are touches would take far more memory than their columns. */
  *#eachOf({ slots, regions, bytes }: NativeTouches, joinedFrom: number | null): Generator<SlotTouch> {
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as number;
      const { phase, token: its } = this.#slots[slot] as Slot;
      const token = slot === joinedFrom ? null : its;
      yield { phase, token, region: regions[i] as number, bytes: bytes[i] as number };
    }
  }

  /** By region: the bytes read while tokens were made. */
  #generatedBytes({ slots, regions, bytes }: NativeTouches): Float64Array {
    const total = new Float64Array(this.#regions.length);
    slots.forEach((slot, i) => {
      const region = regions[i] as number;
      if (this.#slots[slot]?.token !== null) total[region] = (total[region] as number) + (bytes[i] as number);
    });
    return total;
  }

  /** A tensor of which nothing was read is one entry; else each of its experts that was not is one. */
  #neverRead(readBytes: Float64Array): RegionResults['neverRead'] {
    const tensors = this.#groups.groups.filter(({ kind }) => kind === 'tensors');
    return tensors.flatMap(({ name, regions }) => {
      const unread = regions.filter((i) => readBytes[i] === 0);
      const bytesOf = (members: number[]) =>
        members.reduce((sum, i) => sum + (this.#regions[i]?.bytes ?? 0), 0);
      if (unread.length === 0) return [];
      if (unread.length === regions.length) return [{ name, bytes: bytesOf(regions) }];
      if (this.#regions[unread[0] as number]?.expert == null) return [{ name, bytes: bytesOf(unread) }];
      return unread.map((i) => ({ name: `${name} expert ${this.#regions[i]?.expert}`, bytes: bytesOf([i]) }));
    });
  }
}
