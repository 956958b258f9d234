import type { Advice, Change } from '../../../src/advise/changes.js';

const foreseen = (likely: number) => ({ low: likely / 2, likely, high: likely * 2 });

const change = (title: string, bytes: number): Change => ({
  title,
  conditions: { readAheadKib: 32 },
  bytesPerToken: foreseen(bytes),
  tokensPerSecond: foreseen(5),
  reason: 'the disk reads while the token computes, in large pieces; what was used is dropped first',
});

/** Advice with long names. */
export function adviceFixture(): Advice {
  return {
    run: '/a/rather/long/path/to/a/folder/of/runs/20261129-075248-demo-limit-of-a-long-name',
    measured: { bytesPerToken: 4.7e8, tokensPerSecond: 1.02 },
    weights: 'mapped',
    modelled: { bytesPerToken: 5.1e8 },
    bound: {
      ...{ computeFrom: 'warm', computeNsPerToken: 2.2e7, touchedBytesPerToken: 5.6e8 },
      ...{ touchedMostBytesPerToken: 5.6e8, keptBytes: 4.5e8, bandwidth: 1e9, sequentialBandwidth: 1e9 },
      ...{ randomBandwidth: 8e8, tokensPerSecond: 9.86, lowTokensPerSecond: 9.86, ratio: 0.103 },
      ...{
        reReadBytesPerToken: 3.4e8,
        unusedBytesPerToken: 1.4e7,
        busyNsPerToken: null,
        remainderNsPerToken: 5.4e8,
      },
    },
    seenShare: 0.5,
    caveat: null,
    verdict:
      'Best without more memory: readahead 32 KiB, 405 MiB pinned, the rest streamed, 6.44 to 14.5 tokens/s for 0.61.',
    changes: [
      change('readahead 32 KiB, 405 MiB pinned, the rest streamed', 1.3e8),
      change('memory 653 MiB, as much as the whole model takes with all that a token uses of it', 4e6),
    ],
    curve: [
      {
        ...{ memoryBytes: 1e8, kernelBytesPerToken: 5e8, pinnedBytesPerToken: 3e8 },
        ...{ kernelRange: { low: 4e8, high: 6e8 }, pinnedRange: { low: 2e8, high: 4e8 } },
      },
    ],
  };
}
