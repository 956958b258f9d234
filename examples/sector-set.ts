// Exact unions of ranges, for whatever reads a disk: what two passes read, and how much of it twice. Needs no root.
//   npx tsx sector-set.ts
import { SectorSet } from 'blkscope/sectors';

const first = new SectorSet();
first.insert(1000, 8);
first.insert(1004, 8); // overlaps: counted once
first.insertMany(BigUint64Array.of(2000n, 3000n), Uint32Array.of(16, 8)); // columns, as a trace has them

const second = new SectorSet();
second.insert(1008, 1000);

console.log(first); // SectorSet { size: 36n, 1000+12, 2000+16, 3000+8 }
console.log('in both', first.intersection(second)); // SectorSet { size: 12n, 1008+4, 2000+8 }
console.log('new in the second', second.difference(first).size); // 988n
console.log('share of a file', Number(first.countIn(1000, 64)) / 64); // 0.1875
console.log(first.has(1011), first.has(1012)); // true false
