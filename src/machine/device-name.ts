import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { native } from '../native/binding.js';

const sysfs = '/sys/class/block';
/** Where a name that the kernel does not know may stand for a device: udev's and device mapper's names. */
const nodeFolders = ['/dev', '/dev/mapper', '/dev/disk/by-id', '/dev/disk/by-label', '/dev/disk/by-uuid'];

/**
 * The kernel's name of a block device: `vda`, `dm-0`, `cciss!c0d0`.
 *
 * A device is named by that, by its node or a link to it (`/dev/disk/by-id/...`, `/dev/mapper/vg-root`), or by what such a
 * node is called: `vg-root`, `vg/root`. Throws BlkscopeError NO_DEVICE.
 */
export function requireDevice(device: string): string {
  if (device.trim() === '') throw noDevice(device, 'an empty name; lsblk lists the devices');
  const name = kernelName(device) ?? nameOfNode(device) ?? mapperName(device);
  if (name === null) throw noDevice(device, 'no such block device; lsblk lists them');
  const head = headOfPath(name);
  if (head !== null) throw noDevice(device, `a hidden path of ${head}: name ${head}, whose paths are traced`);
  return name;
}

function noDevice(device: string, problem: string): BlkscopeError {
  return new BlkscopeError('NO_DEVICE', `device '${device}': ${problem}`);
}

function kernelName(device: string): string | null {
  if (isAbsolute(device)) return null;
  const name = device.replaceAll('/', '!');
  return name !== '.' && name !== '..' && existsSync(join(sysfs, name)) ? name : null;
}

function nameOfNode(device: string): string | null {
  const paths = isAbsolute(device) ? [device] : nodeFolders.map((folder) => join(folder, device));
  for (const path of isAbsolute(device) ? paths : [...paths, resolve(device)]) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isBlockDevice()) return native.fileDevice(path).name;
    if (found?.isFile()) throw noDevice(device, 'a file, no device; trace its disk with --file');
  }
  // A container may have no nodes: the name is enough.
  return device.startsWith('/dev/') ? kernelName(device.slice('/dev/'.length)) : null;
}

/** Device mapper knows its own names, where nothing made links of them: `vg-root`, which LVM's users write vg/root. */
function mapperName(device: string): string | null {
  const asked = device.replace(/^\/dev\/(mapper\/)?/, '');
  const [group, volume] = asked.split('/');
  const doubled = (text = '') => text.replaceAll('-', '--');
  const names = [asked, volume === undefined ? asked : `${doubled(group)}-${doubled(volume)}`];
  const mapped = readdirSync(sysfs).filter((name) => name.startsWith('dm-'));
  return (
    mapped.find((name) => names.includes(readFileSync(join(sysfs, name, 'dm/name'), 'utf8').trim())) ?? null
  );
}

/** nvme0n1 of nvme0c1n1, where that is hidden; null of all others. */
function headOfPath(name: string): string | null {
  const [, subsystem, space] = /^nvme(\d+)c\d+n(\d+)$/.exec(name) ?? [];
  if (subsystem === undefined || existsSync(join(sysfs, name, 'dev'))) return null;
  return `nvme${subsystem}n${space}`;
}
