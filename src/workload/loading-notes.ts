import type { Loading } from './loading.js';

/** What the way in which a program loads its model means for the figures, a sentence or two a fact. */
export function loadingNotes({ mode, lazy, gpuLayers, cpuMoe }: Loading): string[] {
  const onCard = gpuLayers !== null && gpuLayers !== '0';
  return [
    ...(modeNotes[mode] ?? []),
    ...(lazy === 'off'
      ? ['Lazy mode off: look-up tables are loaded whole, also the rows that no token uses.']
      : []),
    ...(lazy === 'on'
      ? ['Lazy mode on: of look-up tables only the rows that a token uses are read, each when it is used.']
      : []),
    ...(onCard
      ? [
          `Layers on a graphics card (-ngl ${gpuLayers}): their weights are read once, while loading. What is read again, and what a pin saves, are only those of the other layers. Without a card the option does nothing.`,
        ]
      : []),
    ...(cpuMoe !== null && cpuMoe !== '0'
      ? [
          `Experts of ${cpuMoe === 'all' ? 'all layers' : `the first ${cpuMoe} layers`} stay with the CPU: these are read from the file when a token uses them, whatever else is on a graphics card.`,
        ]
      : []),
  ];
}

const once = 'What generation reads, and re-read factors, say nothing about the model.';

const modeNotes: Partial<Record<Loading['mode'], string[]>> = {
  dio: [
    `Load mode dio (O_DIRECT): the file is read once, while loading, past the page cache into memory of the program. The page cache, readahead and pins do not matter. ${once}`,
  ],
  none: [
    `Load mode none: the file is read once, while loading, and copied into memory of the program. Afterwards the page cache and pins do not matter. ${once}`,
  ],
  mlock: [
    `Load mode mlock: the file is read once, while loading, and the copy is locked in memory. Afterwards the page cache and pins do not matter. ${once}`,
  ],
  'mmap+mlock': [
    'Load mode mmap+mlock: the whole file is read while loading and locked in memory: it cannot be evicted, and it fits or the program fails to lock it.',
  ],
};
