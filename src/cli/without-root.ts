/** Commands that need no root. Sudo gives nobody the files of others by them, and they trace nothing. */
export const withoutRoot = [
  'import',
  'report',
  'query',
  'export',
  'compare',
  'curve',
  'plot',
  'map',
  'synthesize',
];
