import { formatSize } from '../memory/size.js';
import { native } from '../native/binding.js';
import type { NativeModelStream, NativePinnedFile, NativeStreamFigures } from '../native/memory.js';
import { asBlkscopeError } from '../native/native-error.js';
import type { PinPlan, StreamPlan } from './plan.js';

export interface HoldOptions {
  onProgress?: (text: string) => void;
  signal?: AbortSignal;
}

/** What holds the files: this process, or one of ours in a cgroup. */
export interface Holder {
  readonly bytes: number;
  check(): Promise<void>;
  streamed(): Promise<NativeStreamFigures | null>;
  release(): Promise<void>;
}

const progressMs = 200;

/** Holds a plan's ranges by locks of this process. */
export async function hold(plan: PinPlan, { onProgress, signal }: HoldOptions = {}): Promise<Holder> {
  const held: NativePinnedFile[] = [];
  let stream: NativeModelStream | null = null;
  const release = () => {
    stream?.stop();
    for (const file of held) file.release();
  };
  try {
    for (const { path, ranges } of plan.parts) {
      if (ranges.length === 0) continue;
      const pinning = native.pinFile(path, ranges);
      const cancel = () => pinning.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      const before = held.reduce((sum, { bytes }) => sum + bytes, 0);
      const show = setInterval(
        () =>
          onProgress?.(`${formatSize(before + pinning.lockedBytes())} of ${formatSize(plan.bytes)} pinned`),
        progressMs,
      );
      try {
        held.push(await pinning.done);
      } finally {
        clearInterval(show);
        signal?.removeEventListener('abort', cancel);
      }
      signal?.throwIfAborted();
    }
    stream = plan.stream && startStream(plan, plan.stream);
  } catch (error) {
    release();
    signal?.throwIfAborted();
    throw asBlkscopeError(error);
  }
  return {
    bytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
    check: async () => {
      try {
        for (const file of held) file.check();
        stream?.check();
      } catch (error) {
        throw asBlkscopeError(error);
      }
    },
    streamed: async () => stream?.figures() ?? null,
    release: async () => release(),
  };
}

function startStream({ parts }: PinPlan, { pieces, ahead }: StreamPlan): NativeModelStream {
  const paths = parts.map(({ path }) => path);
  return native.streamModel(paths, pieces, ahead);
}
