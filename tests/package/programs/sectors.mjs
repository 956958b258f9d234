// A user's program: exact unions of sector ranges, and nothing else loaded.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { SectorSet } from 'blkscope/sectors';

const set = new SectorSet();
for (const [start, count] of [
  [1000n, 8],
  [1000n, 8],
  [1004n, 8],
  [2000n, 16],
  [3000n, 8],
])
  set.insert(start, count);
assert.equal(set.size, 36n);
assert.ok(set.has(1011n) && !set.has(1012n));
assert.equal(set.countIn(1008, 1000), 12n);
const other = new SectorSet();
other.insertMany(BigUint64Array.of(1008n, 9000n), Uint32Array.of(8, 8));
assert.equal(set.intersection(other).size, 4n);
assert.equal(set.union(other).size, 48n);
assert.equal(inspect(set), 'SectorSet { size: 36n, 1000+12, 2000+16, 3000+8 }');
assert.ok(!readFileSync('/proc/self/maps', 'utf8').includes('duckdb'), 'DuckDB is not loaded');
