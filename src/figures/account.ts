import { type groupKinds, groupRegions } from '../model/region-groups.js';
import { modelRegions } from '../model/regions.js';
import { usedAsWhole } from '../model/uses.js';
import type { NativeReadFates } from '../native/touches.js';
import type { CacheRecord, WatchedRegion } from '../touches/cache-watch.js';
import type { WorkloadOutcome } from '../workload/engine.js';
import type { ValuesOf } from './figure.js';
import type { fateFigures } from './figures.js';
import { type PhaseName, timeSlots } from './phases.js';
import type { Subject } from './subjects.js';
import type { Summary } from './summary-schema.js';

/** Bytes read, by what became of them. */
export type Fates = ValuesOf<typeof fateFigures>;

/** The same of what was read of a region in a phase, as the store keeps it; `phase` null: the workload tells of none. */
export interface StoredFates extends Fates {
  phase: PhaseName | 'after' | null;
  file: string;
  fileOffset: number;
}

/** What became of what was read of a run's files. */
export interface Account {
  /** Of the first subject. */
  summary: NonNullable<Summary['account']>;
  rows: StoredFates[];
}

/** Joins what was recorded of the page cache with the regions of each subject and with the phases of the workload. */
export function accountOf(
  record: CacheRecord,
  subjects: readonly Subject[],
  outcome: Pick<WorkloadOutcome, 'marks' | 'generation' | 'weights'> | null,
): Account {
  const { marks = [], generation: said = null } = outcome ?? {};
  const slots = timeSlots(marks, said).filter(({ token }) => token === null || token === 0);
  const places = subjects
    .flatMap((subject, index) => placesOf(subject, index, record.paths))
    .sort((a, b) => a.file - b.file || a.offset - b.offset);
  const told = record.fates(
    places,
    slots.map(({ fromNs }) => fromNs),
    // Weights that it copied were used before.
    outcome?.weights === 'copied' ? null : record.unmappedAt,
  );
  const rows = Math.max(1, slots.length);
  const cells = Array.from({ length: rows }, (_, slot) =>
    places.map((place, i) => ({
      place,
      phase: slots[slot]?.phase ?? null,
      fates: fatesAt(told, slot * places.length + i),
    })),
  ).flat();
  const own = cells.filter(({ place }) => place.subject === 0);
  const read = cells.filter(({ fates }) => fates.bytes > 0);
  return {
    summary: {
      ...sumOf(own),
      lostEvents: record.lost,
      phases: phasesOf(own, slots.length > 0),
      ...groupsOf(subjects[0], own),
    },
    rows: read.map(({ place, phase, fates }) => ({
      ...{ phase, file: record.paths[place.file] as string, fileOffset: place.offset },
      ...fates,
    })),
  };
}

/** A region as it is watched, and which subject's it is; `region`: its index in the subject's model. */
interface Place extends WatchedRegion {
  subject: number;
  region: number;
}

interface Cell {
  place: Place;
  phase: PhaseName | 'after' | null;
  fates: Fates;
}

/** Tables are used by rows, and what is around the tensors is read by the program as it needs it; all else is used whole or not at all. */
function placesOf({ model, files }: Subject, subject: number, paths: readonly string[]): Place[] {
  const indexOf = (path: string) => paths.indexOf(path);
  if (!model)
    return files
      .map(({ path, extents }, region) => ({
        ...{ file: indexOf(path), offset: 0, bytes: extents.bytes, whole: false, subject, region },
      }))
      .filter(({ file }) => file >= 0);
  const whole = usedAsWhole(model);
  return modelRegions(model)
    .map(({ part, offset, bytes }, region) => ({
      ...{
        file: indexOf(files[part]?.path ?? ''),
        offset,
        bytes,
        whole: whole[region] === true,
        subject,
        region,
      },
    }))
    .filter(({ file }) => file >= 0);
}

function fatesAt(told: NativeReadFates, row: number): Fates {
  const at = (column: Float64Array) => column[row] as number;
  const [usedBytes, usedLaterBytes, neverUsedBytes, stillCachedBytes] = [
    ...[told.used, told.usedLater, told.neverUsed, told.stillCached].map(at),
  ] as [number, number, number, number];
  return {
    bytes: usedBytes + usedLaterBytes + neverUsedBytes + stillCachedBytes,
    ...{ usedBytes, usedLaterBytes, neverUsedBytes, stillCachedBytes },
    usedAgainBytes: at(told.usedAgain),
    unseenBytes: at(told.unseen),
  };
}

function sumOf(cells: readonly Cell[]): Fates {
  const sum = (key: keyof Fates) => cells.reduce((total, { fates }) => total + fates[key], 0);
  return {
    ...{ bytes: sum('bytes'), usedBytes: sum('usedBytes'), usedLaterBytes: sum('usedLaterBytes') },
    ...{ neverUsedBytes: sum('neverUsedBytes'), stillCachedBytes: sum('stillCachedBytes') },
    ...{ usedAgainBytes: sum('usedAgainBytes'), unseenBytes: sum('unseenBytes') },
  };
}

function phasesOf(cells: readonly Cell[], told: boolean): NonNullable<Summary['account']>['phases'] {
  if (!told) return null;
  const of = (name: PhaseName | 'after') => {
    const found = cells.filter(({ phase }) => phase === name);
    return found.length === 0 ? null : sumOf(found);
  };
  return { load: of('load'), prompt: of('prompt'), generation: of('generation'), after: of('after') };
}

/** By tensor, layer, role and expert, of what anything was read. */
function groupsOf(
  subject: Subject | undefined,
  cells: readonly Cell[],
): Pick<NonNullable<Summary['account']>, (typeof groupKinds)[number]> {
  const model = subject?.model;
  const byRegion = new Map<number, Cell[]>();
  for (const cell of cells)
    byRegion.set(cell.place.region, [...(byRegion.get(cell.place.region) ?? []), cell]);
  const groups = model ? groupRegions(modelRegions(model)).groups : [];
  const of = (wanted: (typeof groupKinds)[number]) =>
    model
      ? groups
          .filter(({ kind }) => kind === wanted)
          .map(({ name, regions }) => ({
            name,
            ...sumOf(regions.flatMap((each) => byRegion.get(each) ?? [])),
          }))
          .filter(({ bytes }) => bytes > 0)
      : null;
  return { tensors: of('tensors'), layers: of('layers'), roles: of('roles'), experts: of('experts') };
}
