import { toldDefect } from '../../../src/figures/defects.js';
import { derive, unknownOf } from '../../../src/figures/figure.js';
import { derivedMemoryFigures, memoryFigures, type Part } from '../../../src/figures/figures.js';
import { toldOf, toldOfPhase } from '../../../src/figures/part.js';
import type { PhaseSummary, Summary } from '../../../src/figures/summary-schema.js';
import { type Stage, stages } from '../../../src/native/trace.js';

/** No request had both ends of any stage. */
const noStage = Object.fromEntries(Object.keys(stages).map((stage) => [stage, null])) as Record<Stage, null>;

/** 100 MiB read `times` over in 128 KiB, a second each time, of a model of that size. */
function partFixture(times = 1, change: (part: Part) => void = () => {}): Part {
  const bytes = 100 * 2 ** 20;
  const reads = (bytes / 131072) * times;
  const perSecond = (value: number) => Array.from({ length: times }, () => value);
  const part: Part = {
    startNs: 5e9,
    endNs: 5e9 + times * 1e9,
    ...{ tokens: null, marks: null, walks: null },
    reads: { count: reads, bytes: bytes * times, uniqueSectors: bytes / 512, errors: 0 },
    writes: { count: 0, bytes: 0, uniqueSectors: 0, errors: 0 },
    sizes: { read: { '131072': reads }, write: {} },
    gaps: {
      device: { sequential: reads - times, small: 0, medium: 0, large: 0, backward: times },
      demand: null,
      file: null,
      order: 'issue',
    },
    latency: noStage,
    writeLatency: noStage,
    requests: { matched: reads, unmatched: 0, givenUp: 0, open: 0, requeues: 0, passthrough: 0 },
    devices: null,
    queueDepthNs: [0, times * 1e9],
    readers: [],
    naive: null,
    timeline: {
      bucketNs: 1e9,
      startNs: 5e9,
      readBytes: perSecond(bytes),
      readOps: perSecond(bytes / 131072),
      writeBytes: perSecond(0),
      writeOps: perSecond(0),
      meanDepth: perSecond(1),
      maxDepth: perSecond(1),
    },
    model: { bytes, reads, readBytes: bytes * times, uniqueBytes: bytes },
  };
  change(part);
  return part;
}

/** A phase in which 100 MiB were read `times` over. */
export function phaseFixture(times = 1, change: (part: Part) => void = () => {}): PhaseSummary {
  return toldOfPhase(partFixture(times, change));
}

/** A run of a 100 MiB model read `times` over, a second each time, without other I/O. */
export function summaryFixture(times = 1, change: (summary: Summary) => void = () => {}): Summary {
  const bytes = 100 * 2 ** 20;
  const reads = (bytes / 131072) * times;
  const { model, ...told } = toldOf(partFixture(times));
  const memory = {
    ...unknownOf(memoryFigures),
    ...{ lockedBytes: 0, limitBytes: 85 * 2 ** 20, pinnedBytes: 0, readAheadKib: 128 },
    ...{ cacheBefore: 2 ** 30, cacheAfter: 2 ** 30 + bytes, majorFaults: 812 },
    ...{ totalBytes: 16 * 2 ** 30, availableBefore: 12 * 2 ** 30 },
    ...{ modelCachedBefore: 0, modelCachedAfter: 60 * 2 ** 20, limitPeakBytes: 85 * 2 ** 20 },
    ...{ refaultedPages: 1000, reclaimedPages: 2000, swapInPages: 0, swapOutPages: 0 },
    ...{ memoryStallNs: 0, ioStallNs: 0, samples: 8, samplingNs: 4e6 },
  };
  const summary: Summary = {
    schema: 2,
    source: { kind: 'ftrace', protocol: 1, device: 'vda', kernel: '6.18.0', actions: { D: reads, C: reads } },
    integrity: {
      complete: true,
      eventsRead: 2 * reads,
      eventsDropped: 0,
      sequenceGaps: 0,
      readSectorsTraced: (bytes * times) / 512,
      readSectorsDiskstats: (bytes * times) / 512,
      writeSectorsTraced: 0,
      writeSectorsDiskstats: 0,
      defects: [],
      remarks: [],
      losses: [],
    },
    ...told,
    model: model && {
      ...model,
      files: ['/models/tiny.gguf'],
      extents: 2,
      tensors: null,
      layers: null,
      roles: null,
      experts: null,
      neverRead: null,
      uses: null,
      heat: null,
    },
    phases: null,
    memory: {
      ...memory,
      ...derive(derivedMemoryFigures, { ...memory, model }),
      mode: 'limit',
      cacheState: 'cold',
      stream: null,
    },
    workload: {
      engine: 'llama-cli',
      argv: ['llama-cli', '-m', '/models/tiny.gguf'],
      exitCode: 0,
      signal: null,
      wallNs: times * 1e9,
      loadNs: 4e8,
      promptTokens: 5,
      promptTokensPerSecond: 12,
      tokensPerSecond: 8 / times,
      tokens: 8,
      bytesPerToken: bytes * (times / 8),
      weights: 'mapped',
      rssAnonBytes: 20 * 2 ** 20,
      rssFileBytes: 60 * 2 ** 20,
      modelMappedBytes: 60 * 2 ** 20,
      lockedBytes: 0,
      readBytes: null,
      loading: null,
    },
    contention: null,
    bound: null,
    tracer: {
      cpuNs: 1e7,
      analysisNs: 2e6,
      peakRssBytes: 90 * 2 ** 20,
      spoolBytes: 2 ** 20,
      spoolFileBytes: 0,
      bytesPerEvent: 12,
      bytesWrittenToDevice: 4096,
    },
  };
  change(summary);
  return summary;
}

/** The same run with 12 events lost. */
export function lossyFixture(): Summary {
  return summaryFixture(2, ({ integrity }) => {
    integrity.complete = false;
    integrity.eventsDropped = 12;
    integrity.losses = [{ fromNs: 55e8, toNs: 575e7, count: 12, cpu: 1, by: 'kernel' }];
    integrity.defects = [
      toldDefect({
        code: 'KERNEL_DROPPED',
        values: { events: 12, buffers: 4, kib: 512, moreBuffers: 16 },
      }),
    ];
  });
}
