import { toldDefect } from '../../../src/figures/defects.js';
import type { Summary } from '../../../src/figures/summary-schema.js';

/** A run of a 100 MiB model read `times` over, a second each time, without other I/O. */
export function summaryFixture(times = 1, change: (summary: Summary) => void = () => {}): Summary {
  const bytes = 100 * 2 ** 20;
  const reads = (bytes / 131072) * times;
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
    },
    reads: {
      count: reads,
      bytes: bytes * times,
      uniqueSectors: bytes / 512,
      uniqueBytes: bytes,
      reReadFactor: times,
      errors: 0,
    },
    writes: { count: 0, bytes: 0, uniqueSectors: 0, uniqueBytes: 0, reReadFactor: null, errors: 0 },
    sizes: { read: { '131072': reads }, write: {} },
    gaps: {
      device: { sequential: reads - times, small: 0, medium: 0, large: 0, backward: times },
      demand: null,
      file: null,
    },
    latency: { q2c: null, q2d: null, d2c: null },
    timeline: {
      bucketNs: 1e9,
      startNs: 5e9,
      readBytes: Array.from({ length: times }, () => bytes),
      readOps: Array.from({ length: times }, () => bytes / 131072),
      writeBytes: Array.from({ length: times }, () => 0),
      writeOps: Array.from({ length: times }, () => 0),
    },
    model: {
      files: ['/models/tiny.gguf'],
      bytes,
      extents: 2,
      coverage: 1,
      uniqueBytes: bytes,
      reReadFactor: times,
      reads,
      readBytes: bytes * times,
      tensors: null,
      layers: null,
      roles: null,
      experts: null,
      neverRead: null,
      heat: null,
    },
    phases: null,
    memory: {
      lockedBytes: 0,
      limitBytes: 85 * 2 ** 20,
      pinnedBytes: 0,
      pinnedUsedBytes: null,
      stream: null,
      mode: 'limit',
      readAheadKib: 128,
      cacheBefore: 2 ** 30,
      cacheAfter: 2 ** 30 + bytes,
      majorFaults: 812,
      evictedPages: null,
      cacheState: 'cold',
      totalBytes: 16 * 2 ** 30,
      availableBefore: 12 * 2 ** 30,
      modelCachedBefore: 0,
      modelCachedAfter: 60 * 2 ** 20,
      limitPeakBytes: 85 * 2 ** 20,
      refaultedPages: 1000,
      reclaimedPages: 2000,
      swapInPages: 0,
      swapOutPages: 0,
      zramReadBytes: null,
      zramWrittenBytes: null,
      memoryStallNs: 0,
      ioStallNs: 0,
      samples: 8,
      samplingNs: 4e6,
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
    },
    bound: null,
    tracer: {
      cpuNs: 1e7,
      analysisNs: 2e6,
      peakRssBytes: 90 * 2 ** 20,
      spoolBytes: 2 ** 20,
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
