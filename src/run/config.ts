import { type DeviceConfig, type MachineConfig, machineConfig } from '../machine/machine.js';
import type { StepRecord } from '../machine/steps.js';
import type { NativeExtents, NativeTracerInfo } from '../native/trace.js';
import type { Mark } from '../workload/engine.js';
import { platformVersions } from './versions.js';

/** A traced file and where it lies. Extents in file order; sectors of 512 bytes from the start of the whole disk. */
export interface FileConfig {
  path: string;
  bytes: number;
  device: string;
  fileSystem: string;
  extents: { fileOffset: number; sector: number; sectors: number }[];
}

/** config.json: what is needed to repeat a run, and how it went. */
export interface RunConfig {
  /** `run`, `record` or `import`. */
  kind: string;
  /** The command line that made the run, or null when a program did. */
  commandLine: string[] | null;
  workingDirectory: string;
  /** ISO 8601. Of an import by the trace's own note of the wall clock; null without one. */
  startedAt: string | null;
  /** ns on CLOCK_MONOTONIC at the same moment: the trace's clock. */
  startedNs: number | null;
  /** When a saved trace was imported; ISO 8601. */
  importedAt?: string;
  /** What was asked for. */
  options: Record<string, unknown>;
  versions: Record<string, string | null>;
  machine: MachineConfig;
  devices: DeviceConfig[];
  files: FileConfig[];
  tracer: NativeTracerInfo;
  steps: StepRecord[];
  /** Files that the workload was seen to map or hold open, largest first. */
  openedFiles: { path: string; bytes: number; mappedBytes: number }[];
  /** The workload's own, ns on CLOCK_MONOTONIC. */
  marks: { kind: Mark['kind']; time: number; index?: number }[];
}

/** The parts of a config that are known before anything is done. */
export type ConfigStart = Omit<RunConfig, 'devices' | 'files' | 'tracer' | 'steps' | 'openedFiles' | 'marks'>;

export function configStart(
  kind: RunConfig['kind'],
  commandLine: readonly string[] | undefined,
  options: Record<string, unknown>,
): ConfigStart {
  return {
    kind,
    commandLine: commandLine ? [...commandLine] : null,
    workingDirectory: process.cwd(),
    startedAt: new Date().toISOString(),
    startedNs: Number(process.hrtime.bigint()),
    options,
    versions: platformVersions(),
    machine: machineConfig(),
  };
}

export function marksConfig(marks: readonly Mark[]): RunConfig['marks'] {
  return marks.map(({ kind, time, index }) => ({
    kind,
    time: Number(time),
    ...(index === undefined ? {} : { index }),
  }));
}

export function extentsConfig(extents: NativeExtents): FileConfig['extents'] {
  return Array.from(extents.sectors, (sector, i) => ({
    fileOffset: Number(extents.fileOffsets[i]),
    sector: Number(sector),
    sectors: Number(extents.sectorCounts[i]),
  }));
}
