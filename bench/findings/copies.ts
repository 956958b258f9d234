// Two copies of a model for the question what fragmentation changes: one that lies contiguously on the disk, one in pieces
// that lie there in the reverse order.
//   npx tsx bench/findings/copies.ts MODEL FOLDER [--pieces N]
// Writes FOLDER/contiguous.gguf and FOLDER/fragmented.gguf, and prints in how many pieces each lies. Then
//   blkscope sweep bench/fragments.yaml
// On ext4: space is asked for from the last piece to the first, and a file in front keeps what lies before the last piece,
// so that the file system puts each piece behind the one that follows it in the file. Needs fallocate (util-linux).
import {
  closeSync,
  createReadStream,
  createWriteStream,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { copyContiguously, mapFile } from '../../src/index.js';
import { output } from '../programs.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { pieces: { type: 'string', default: '26' } },
});
const [model, folder] = positionals;
if (model === undefined || folder === undefined) throw new Error('give MODEL and FOLDER');
mkdirSync(folder, { recursive: true });

const contiguous = join(folder, 'contiguous.gguf');
const fragmented = join(folder, 'fragmented.gguf');
for (const path of [contiguous, fragmented]) rmSync(path, { force: true });
await copyContiguously(model, contiguous);
await copyInPieces(model, fragmented, Number(values.pieces));
for (const path of [contiguous, fragmented]) {
  const { extents } = await mapFile(path);
  const backward = extents.filter(
    (extent, i) => i > 0 && extent.sector < (extents[i - 1]?.sector ?? 0),
  ).length;
  console.log(
    `${path}: ${extents.length} extents, ${backward} of them before the one that precedes it in the file`,
  );
}

async function copyInPieces(from: string, to: string, pieces: number): Promise<void> {
  const { size } = statSync(from);
  const piece = Math.ceil(size / pieces / 2 ** 20) * 2 ** 20;
  const front = `${to}.front`;
  output('fallocate', ['-l', String(piece), front]);
  try {
    closeSync(openSync(to, 'w'));
    for (let start = (pieces - 1) * piece; start >= 0; start -= piece) {
      if (start < size)
        output('fallocate', ['-o', String(start), '-l', String(Math.min(piece, size - start)), to]);
    }
    await pipeline(createReadStream(from), createWriteStream(to, { flags: 'r+' }));
    const fd = openSync(to, 'r+');
    fsyncSync(fd);
    closeSync(fd);
  } finally {
    rmSync(front);
  }
}
