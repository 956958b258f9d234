import { closeSync, openSync, writeSync } from 'node:fs';
import type { Region } from '../../dist/model/regions.js';
import { native } from '../../dist/native/binding.js';
import { actions } from '../../tests/unit/trace-file/records.js';
import { expertsUsed, pageWithin } from './sparse-model.js';

const stepNs = 20_000;
const firstNs = 1_000_000_000;
const recordBytes = 48;
/** Of records of version 1. */
const magic = 0x65617407;

/** A trace of tokens that a mixture of experts makes, and when each was there. */
export interface TokenTrace {
  events: number;
  tokensNs: number[];
}

/**
 * Writes what tokens read of a model with a page on the disk in each region: all that is no expert, and of each layer so many
 * experts that follow from the token's number.
 */
export function writeTokenTrace(
  path: string,
  model: string,
  device: number,
  regions: readonly Region[],
  mostEvents: number,
): TokenTrace {
  const sectors = sectorsOf(model, regions);
  const experts = Math.max(...regions.slice(0, 5000).map(({ expert }) => (expert ?? -1) + 1), 1);
  const dense = sectors.filter(({ region }) => region.expert === null);
  const byExpert = new Map<string, number[]>();
  for (const { region, sector } of sectors) {
    if (region.expert === null) continue;
    const key = `${region.layer}.${region.expert}`;
    byExpert.set(key, [...(byExpert.get(key) ?? []), sector]);
  }
  const layers = new Set(regions.flatMap(({ layer }) => (layer === null ? [] : [layer])));
  const output = new RecordFile(path, device);
  const tokensNs: number[] = [];
  while (output.events + 2 * (dense.length + layers.size * expertsUsed * 3) <= mostEvents) {
    const token = tokensNs.length;
    for (const { sector } of dense) output.read(sector);
    for (const layer of layers)
      for (let k = 0; k < Math.min(expertsUsed, experts); k++)
        for (const sector of byExpert.get(`${layer}.${(token * 7 + layer * 13 + k * 31) % experts}`) ?? [])
          output.read(sector);
    tokensNs.push(output.timeNs);
  }
  output.close();
  return { events: output.events, tokensNs };
}

/** Where each region's page lies on the disk. */
function sectorsOf(model: string, regions: readonly Region[]): { region: Region; sector: number }[] {
  const { fileOffsets, sectors, sectorCounts } = native.fileExtents(model);
  let at = 0;
  return regions.flatMap((region) => {
    const page = pageWithin(region.offset, region.bytes);
    if (page === null) return [];
    const end = (i: number) => Number(fileOffsets[i]) + Number(sectorCounts[i]) * 512;
    while (at < sectors.length && end(at) <= page) at++;
    if (at === sectors.length || Number(fileOffsets[at]) > page) return [];
    return [{ region, sector: Number(sectors[at]) + (page - Number(fileOffsets[at])) / 512 }];
  });
}

/** Records of one CPU in the making, quicker than those of tests. */
class RecordFile {
  events = 0;
  timeNs = firstNs;
  readonly #file: number;
  readonly #block = Buffer.alloc(recordBytes * 8192);
  #used = 0;

  constructor(
    path: string,
    readonly device: number,
  ) {
    this.#file = openSync(path, 'w');
  }

  /** A page, in one step of the clock. */
  read(sector: number): void {
    this.timeNs += stepNs;
    this.#put(this.timeNs - stepNs / 2, actions.issue, sector);
    this.#put(this.timeNs, actions.complete, sector);
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #put(timeNs: number, action: number, sector: number): void {
    const [block, at] = [this.#block, this.#used];
    block.writeUInt32LE(magic, at);
    block.writeUInt32LE(++this.events, at + 4);
    block.writeUIntLE(timeNs, at + 8, 6);
    block.writeUIntLE(sector, at + 16, 6);
    block.writeUInt32LE(4096, at + 24);
    block.writeUInt32LE(action, at + 28);
    block.writeUInt32LE(100, at + 32);
    block.writeUInt32LE(this.device, at + 36);
    this.#used += recordBytes;
    if (this.#used === block.length) this.#flush();
  }

  #flush(): void {
    writeSync(this.#file, this.#block, 0, this.#used);
    this.#used = 0;
  }
}
