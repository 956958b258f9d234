import { readFileSync } from 'node:fs';
import { writeControl } from '../files/control.js';

const file = '/proc/self/oom_score_adj';

/** -1000: never chosen. It is the process's own and dies with it, so no journal has to remember it. */
const never = '-1000';

let holders = 0;
let before: string | null = null;

function read(): string {
  return readFileSync(file, 'utf8').trim();
}

/**
 * Keeps the out-of-memory killer away from this process while it traces: a workload that outgrows the machine must
 * not take its own measurement with it. Returns what ends the protection; without the right to protect, nothing happens.
 */
export function protectFromOomKiller(): () => void {
  if (holders++ === 0) {
    try {
      before = read();
      writeControl(file, never);
    } catch {
      before = null;
    }
  }
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    if (--holders > 0 || before === null) return;
    writeControl(file, before);
    before = null;
  };
}

/** The score this process has when it does not trace: what its children should have. */
export function ownOomScore(): string {
  return before ?? read();
}
