/**
 * The process that pins a model for a cgroup: it joins while it reads, so that the pages are charged there, and goes
 * back afterwards, so that its own memory is not and the cgroup's out-of-memory killer does not see it. One that streams
 * stays, protected from that killer.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BlkscopeError } from '../errors.js';
import { writeControl } from '../files/control.js';
import { findMemoryController } from '../memory/cgroup.js';
import { protectFromOomKiller } from '../process/oom-protection.js';
import { type Holder, hold } from './holder.js';
import type { PinChildAnswer, PinChildRequest } from './pin-in-cgroup.js';

let holder: Holder | null = null;

process.on('disconnect', () => process.exit()); // blkscope is gone, and with us the locks
process.on('message', async (request: PinChildRequest) => {
  try {
    if (request.kind === 'pin') {
      holder = await pinWithin(request);
      send({ kind: 'pinned', bytes: holder.bytes });
    } else if (request.kind === 'figures') {
      send({ kind: 'figures', streamed: (await holder?.streamed()) ?? null });
    } else {
      await holder?.check();
      send({ kind: 'checked' });
    }
  } catch (error) {
    const known = error instanceof BlkscopeError ? error : null;
    const message = (error as Error).message;
    send({ kind: 'failed', code: known?.code ?? 'INTERNAL', message, exit: known?.kind ?? 'internal' });
  }
});

async function pinWithin({ plan, cgroupProcsFile }: PinChildRequest & { kind: 'pin' }): Promise<Holder> {
  const home = plan.stream ? null : ownProcsFile();
  if (plan.stream) protectFromOomKiller();
  writeControl(cgroupProcsFile, String(process.pid));
  try {
    return await hold(plan, { onProgress: (text) => send({ kind: 'progress', text }) });
  } finally {
    if (home) writeControl(home, String(process.pid));
  }
}

/** cgroup.procs of the memory cgroup that this process is in; null where there is none. */
function ownProcsFile(): string | null {
  const controller = findMemoryController();
  if (!controller) return null;
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  // "5:memory:/path" in cgroup v1, "0::/path" in v2
  const own = lines.find((line) => {
    const [, controllers = ''] = line.split(':');
    return controller.version === 2 ? controllers === '' : controllers.split(',').includes('memory');
  });
  return own ? join(controller.path, own.split(':').slice(2).join(':'), 'cgroup.procs') : null;
}

function send(answer: PinChildAnswer): void {
  process.send?.(answer);
}
