// A user's program: exact unions of ranges, and nothing else loaded.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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
assert.ok(!readFileSync('/proc/self/maps', 'utf8').includes('duckdb'), 'DuckDB is not loaded');
