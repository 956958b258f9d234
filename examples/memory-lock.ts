// A benchmark with less memory than the machine has, without llama.cpp: half of what is free is locked meanwhile.
//   sudo npx tsx memory-lock.ts
import { availableMemory, formatSize, holdMemory } from 'blkscope';

function benchmark(): number {
  const began = performance.now();
  Buffer.alloc(64 * 2 ** 20).fill(1);
  return performance.now() - began;
}

console.log(`${formatSize(availableMemory())} available: ${benchmark().toFixed(1)} ms`);
// It fails, and locks nothing, where it would starve the machine: code NO_HEADROOM.
const memory = await holdMemory(Math.floor(availableMemory() / 2), {
  onProgress: (text) => console.log(text),
});
try {
  console.log(`${formatSize(availableMemory())} available: ${benchmark().toFixed(1)} ms`);
} finally {
  memory.close(); // or `using memory = ...`, where the compiler knows it
}
