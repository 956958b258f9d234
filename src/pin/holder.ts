import { formatSize } from '../memory/size.js';
import { type HoldOptions, untilHeld } from '../memory/until-held.js';
import { native } from '../native/binding.js';
import type { NativeModelStream, NativePinnedFile, NativeStreamFigures } from '../native/memory.js';
import { asBlkscopeError } from '../native/native-error.js';
import type { PinPlan, StreamPlan } from './plan.js';

/** What holds the files: this process, or one of ours in a cgroup. */
export interface Holder {
  readonly bytes: number;
  check(): Promise<void>;
  streamed(): Promise<NativeStreamFigures | null>;
  release(): Promise<void>;
}

/** Holds a plan's ranges by locks of this process. */
export async function hold(plan: PinPlan, options: HoldOptions = {}): Promise<Holder> {
  const { signal } = options;
  const held: NativePinnedFile[] = [];
  let stream: NativeModelStream | null = null;
  const release = () => {
    stream?.stop();
    for (const file of held) file.release();
  };
  try {
    for (const { path, ranges } of plan.parts) {
      if (ranges.length === 0) continue;
      const before = held.reduce((sum, { bytes }) => sum + bytes, 0);
      const told = (locked: number) => `${formatSize(before + locked)} of ${formatSize(plan.bytes)} pinned`;
      held.push(await untilHeld(native.pinFile(path, ranges), told, options));
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
