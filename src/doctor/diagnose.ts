import { existsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { BlkscopeError } from '../errors.js';
import { kernelText } from '../files/kernel-text.js';
import { leftovers } from '../files/partial.js';
import { tryToOpen } from '../files/read.js';
import { memoryState } from '../machine/machine.js';
import { mountedAt, tracingMounts } from '../machine/mounts.js';
import { reclaimConfig } from '../machine/reclaim.js';
import { deadSessions } from '../machine/recover.js';
import { findMemoryController } from '../memory/cgroup.js';
import { formatSize } from '../memory/size.js';
import { readModel } from '../model/gguf.js';
import { isModelFile } from '../model/model-files.js';
import { safetensorsIn } from '../model/safetensors.js';
import { native, nativeFault } from '../native/binding.js';
import { asBlkscopeError } from '../native/native-error.js';
import { fileInLayer } from '../process/overlay.js';
import { waysToLlama } from '../workload/embedded.js';
import type { Engine } from '../workload/engine.js';
import { findEngine } from '../workload/find-engine.js';
import { notByItself } from '../workload/main-model.js';
import { copyLine, foreseenCopy, keptMapped } from '../workload/packed-layouts.js';

/** One thing that a run needs or profits from. `missing`: a run would not work; `note`: it would, with a limitation. */
export interface Finding {
  name: string;
  state: 'found' | 'missing' | 'note';
  detail: string;
  /** What to do about it. */
  mend?: string;
}

/**
 * Looks at everything a run on `path` (a model, a folder, a device node) needs. Changes nothing.
 */
export async function diagnose(path: string): Promise<Finding[]> {
  // Nothing else of it can be asked elsewhere.
  if (process.platform !== 'linux') return [nativePart()];
  const device = findDevice(path);
  return [
    nativePart(),
    root(),
    ...mounts(),
    blockTracer(),
    relay(device.disk),
    cachestat(),
    ...device.findings,
    ...(await modelAt(path)),
    memory(),
    cgroup(),
    swap(),
    ...eviction(),
    ...(await llama(path)),
    ...deadOnes(),
    ...halfWritten(),
  ];
}

function nativePart(): Finding {
  const name = 'native part';
  const fault = nativeFault();
  if (!fault) return { name, state: 'found', detail: `for ${process.platform} ${process.arch}` };
  const [detail = '', mend] = fault.message.split('; ');
  return { name, state: 'missing', detail, ...(mend ? { mend } : {}) };
}

function root(): Finding {
  if (process.geteuid?.() === 0) return { name: 'root', state: 'found', detail: 'running as root' };
  return { name: 'root', state: 'missing', detail: 'not root', mend: 'run it with sudo' };
}

function mounts(): Finding[] {
  return tracingMounts.map(({ type, target }) => {
    const place = mountedAt(type);
    if (place) return { name: type, state: 'found', detail: `mounted at ${place}` };
    // Either of the two carries a source; `run --mount` mounts both.
    return {
      name: type,
      state: 'note',
      detail: 'not mounted',
      mend: `mount -t ${type} nodev ${target}, or run with --mount`,
    };
  });
}

function blockTracer(): Finding {
  const name = 'block tracer';
  const kernel = `Linux ${release()}`;
  if (existsSync('/sys/block') && someTraceFolder())
    return { name, state: 'found', detail: `${kernel}, CONFIG_BLK_DEV_IO_TRACE` };
  return {
    name,
    state: 'missing',
    detail: `${kernel} has no block tracer`,
    mend: 'boot a kernel with CONFIG_BLK_DEV_IO_TRACE=y',
  };
}

function someTraceFolder(): boolean {
  return (kernelText('/proc/partitions') ?? '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3])
    .some((device) => device !== undefined && existsSync(`/sys/class/block/${device}/trace`));
}

/** Tries what the relay source does first, opening the device, and asks the kernel whether it is locked down. */
function relay(disk: string | null): Finding {
  const name = 'relay source';
  const mend = 'none needed: the ftrace source is used instead';
  const refused = (detail: string): Finding => ({ name, state: 'note', detail, mend });
  const lockdown = kernelText('/sys/kernel/security/lockdown') ?? '';
  const mode = /\[(integrity|confidentiality)\]/.exec(lockdown)?.[1];
  if (mode) return refused(`refused by kernel lockdown (${mode})`);
  const node = `/dev/${disk?.replaceAll('!', '/')}`;
  const failure = disk && openFailure(node);
  if (failure) return refused(`${node} cannot be opened (${failure})`);
  if (lockdown) return { name, state: 'found', detail: 'the kernel is not locked down' };
  return {
    name,
    state: 'note',
    detail: 'securityfs is not mounted, so only a run will show whether the kernel is locked down',
    mend: 'mount -t securityfs nodev /sys/kernel/security, to know now',
  };
}

/** The error code of opening a path for reading; null when it can be opened. */
function openFailure(path: string): string | null {
  try {
    tryToOpen(path);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error';
  }
}

function cachestat(): Finding {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major > 6 || (major === 6 && minor >= 5))
    return { name: 'cachestat', state: 'found', detail: 'page cache figures with evictions' };
  return {
    name: 'cachestat',
    state: 'note',
    detail: 'older than Linux 6.5: mincore is used, which does not tell evictions',
  };
}

function findDevice(named: string): { disk: string | null; findings: Finding[] } {
  try {
    const path = fileInLayer(named);
    const { name, disk, startSector, fileSystem } = native.fileDevice(path);
    const partition = name === disk ? '' : ` (partition ${name} from sector ${startSector})`;
    const readahead = kernelText(`/sys/class/block/${disk}/queue/read_ahead_kb`);
    const found: Finding = {
      name: 'device',
      state: 'found',
      detail: `${disk}${partition}, readahead ${readahead || '?'} KiB`,
    };
    if (statSync(path).isBlockDevice()) return { disk, findings: [found] };
    const ours: Finding = { name: 'file system', state: 'found', detail: fileSystem };
    const logical = fileSystem === 'btrfs' || fileSystem === 'overlayfs';
    const fs: Finding = logical
      ? {
          ...ours,
          state: 'note',
          detail: `${fileSystem} does not tell where files lie on the disk, so coverage is not known`,
          mend: 'put the model on ext4 or xfs',
        }
      : ours;
    return { disk, findings: [found, fs] };
  } catch (error) {
    const known = asBlkscopeError(error);
    if ((known as BlkscopeError).code === 'NO_NATIVE') return { disk: null, findings: [] }; // told already
    const detail = known.message;
    return {
      disk: null,
      findings: [{ name: 'device', state: 'missing', detail, mend: 'name a file on a disk' }],
    };
  }
}

/** The model at `path`; of a folder that holds one of safetensors, which programs take, a file of it. null: none. */
function modelPath(path: string): string | null {
  if (isModelFile(path)) return path;
  return safetensorsIn(path).find(isModelFile) ?? null;
}

/** Whether the tensors of a model at `path` can be told apart, and llama.cpp runs it; nothing for what is no model. */
async function modelAt(path: string): Promise<Finding[]> {
  const file = modelPath(path);
  if (file === null) return [];
  const name = 'model';
  try {
    const model = await readModel(file);
    const { architecture, layers, tensors, parts } = model;
    const detail = `${architecture}; layers: ${layers}, tensors: ${tensors.length}, files: ${parts.length}`;
    const refused = notByItself(model);
    const told = [...model.notes, ...(refused === null ? [] : [refused])];
    return [
      { name, state: 'found', detail },
      ...told.map((note): Finding => ({ name, state: 'note', detail: note })),
    ];
  } catch (error) {
    if (!(error instanceof BlkscopeError)) throw error;
    const detail = `its tensors cannot be told apart: ${error.message}`;
    return [
      { name, state: 'note', detail, mend: 'record and import count its reads as a file all the same' },
    ];
  }
}

function memory(): Finding {
  const { totalBytes, availableBytes } = memoryState();
  const detail = `${formatSize(availableBytes)} of ${formatSize(totalBytes)} available`;
  return { name: 'memory', state: 'found', detail };
}

function cgroup(): Finding {
  const controller = findMemoryController();
  if (controller)
    return { name: 'memory cgroup', state: 'found', detail: `v${controller.version} at ${controller.path}` };
  return {
    name: 'memory cgroup',
    state: 'note',
    detail: 'no memory controller, so --limit does not work',
    mend: 'use --lock or --leave',
  };
}

function swap(): Finding {
  const { swapTotalBytes } = memoryState();
  if (swapTotalBytes === 0)
    return { name: 'swap', state: 'found', detail: 'none, as it should be for a measurement' };
  return {
    name: 'swap',
    state: 'note',
    detail: `${formatSize(swapTotalBytes)} is on, and its traffic mixes with the reads of the model`,
    mend: 'switch it off for the measurement: swapoff -a',
  };
}

function eviction(): Finding[] {
  const name = 'eviction';
  const { generations, ahead } = reclaimConfig();
  const findings = ahead.map(
    (detail): Finding => ({
      ...{ name, state: 'note', detail: `${detail}, also while memory is enough` },
      mend: 'switch it off for the measurement: write off into the state of its kdamond below /sys/kernel/mm/damon/admin, or N into /sys/module/damon_reclaim/parameters/enabled',
    }),
  );
  if (generations)
    findings.push({
      ...{ name, state: 'note', detail: 'by generations (MGLRU), for which advise and curve can only guess' },
      mend: 'for predictions of two lists, which hold: echo n > /sys/kernel/mm/lru_gen/enabled',
    });
  return findings.length > 0
    ? findings
    : [{ name, state: 'found', detail: 'by two lists, when memory is short' }];
}

async function llama(path: string): Promise<Finding[]> {
  const name = 'llama.cpp';
  try {
    const engine = await findEngine();
    const detail = engine.path ? `${engine.name}, ${engine.path}` : engine.name;
    const used: Finding = { name, state: 'found', detail };
    return [
      used,
      await weightsWith(engine, path),
      ...(engine.passedOver ?? []).map((line): Finding => notUsed(line)),
    ];
  } catch (error) {
    const [detail = '', ...rest] = (error as Error).message.split('; ');
    return [{ name, state: 'note', detail, mend: rest.join('; ') || waysToLlama() }];
  }
}

/** What the engine keeps mapped of any model, or of the one at `path`. */
async function weightsWith(engine: Engine, path: string): Promise<Finding> {
  const name = 'weights';
  const kept: Finding = { name, state: 'found', detail: keptMapped(engine) };
  const file = modelPath(path);
  if (file === null) return kept;
  try {
    const model = await readModel(file);
    const copy = notByItself(model) === null && foreseenCopy(model, engine, { model: file, log: '' });
    return copy ? { name, state: 'note', detail: copyLine(copy, engine) } : kept;
  } catch {
    return kept; // modelAt tells what is wrong with it
  }
}

/** A program that the user may think is used. */
function notUsed(line: string): Finding {
  return { name: 'not used', state: 'note', detail: line };
}

/** A trace that a killed session left on takes the tracer from all others. */
function deadOnes(): Finding[] {
  if (nativeFault()) return []; // told already
  return deadSessions().map(({ pid, undos }) => ({
    name: 'dead session',
    state: 'note',
    detail: `process ${pid} ended without putting back what it had changed: ${undos.join('; ')}`,
    mend: 'blkscope recover, or the next session, puts it back',
  }));
}

function halfWritten(): Finding[] {
  return leftovers('runs').map((path) => ({
    name: 'killed session',
    state: 'note',
    detail: `${path} is half-written`,
    mend: 'blkscope recover, or the next run, removes it',
  }));
}
