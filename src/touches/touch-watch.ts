import { existsSync, realpathSync } from 'node:fs';
import { BlkscopeError } from '../errors.js';
import type { Model } from '../model/gguf.js';
import { modelRegions } from '../model/regions.js';
import { usedAsWhole, usedByEachPass } from '../model/uses.js';
import { native, touchLibrary } from '../native/binding.js';
import type { NativeSeenTouches, NativeTouchRecorder } from '../native/touches.js';
import type { LaunchOptions } from '../process/launch.js';
import type { SeenTouches } from './seen.js';

/**
 * Watches what each pass of llama.cpp uses of a model: a library that is loaded into the program makes the model's pages
 * fault before a pass, and the kernel tells each fault. docs/touches.md has the method and its limits.
 */
export class TouchWatch {
  readonly #recorder: NativeTouchRecorder;

  /**
   * The first `profiledPasses` passes are profiled; the others run as they would. `pieces`: parts of regions are told apart.
   * Behind the profiled passes the model is mapped as it was, so a fault may map pages of two regions; `follow`: only where each
   * pass uses all, and as long as nothing of it is read again. Throws BlkscopeError NO_TOUCHES where the library cannot be loaded.
   */
  constructor(model: Model, profiledPasses: number, { pieces = true, follow = false } = {}) {
    requireLibrary();
    const regions = modelRegions(model);
    this.#recorder = new native.TouchRecorder({
      files: model.parts.map(({ path }) => realpathSync(path)),
      regions: {
        files: Uint32Array.from(regions, ({ part }) => part),
        offsets: BigUint64Array.from(regions, ({ offset }) => BigInt(offset)),
        bytes: BigUint64Array.from(regions, ({ bytes }) => BigInt(bytes)),
        whole: Uint8Array.from(usedAsWhole(model), Number),
        always: Uint8Array.from(usedByEachPass(model), Number),
      },
      profiledPasses,
      pieces,
      follow,
    });
  }

  /** What the workload is to be started with besides `launch`. */
  launchWith(launch: LaunchOptions = {}): LaunchOptions {
    const library = touchLibrary();
    const others = launch.env?.LD_PRELOAD ?? process.env.LD_PRELOAD;
    return {
      ...launch,
      env: { ...launch.env, LD_PRELOAD: others ? `${library}:${others}` : library },
      inherited: { fd: this.#recorder.fd, variable: 'BLKSCOPE_TOUCHES_FD' },
    };
  }

  /** As soon as the workload's process is there. Throws BlkscopeError NO_TOUCHES where the kernel does not show faults. */
  attach(pid: number): void {
    try {
      this.#recorder.attach(pid);
    } catch (error) {
      throw new BlkscopeError('NO_TOUCHES', `--touches: ${(error as Error).message}`, 'unsupported', {
        cause: error,
      });
    }
  }

  /** Instead of `stop`: when the first pass began, with no page of the model in the page tables; null: there was no such pass. */
  firstPass(): bigint | null {
    const { called, mapped, refused, passes } = this.#recorder.stop();
    return called && mapped && refused === 0 && passes.profiled[0] === 1 ? (passes.begins[0] ?? null) : null;
  }

  /** Once, when the workload has ended. Throws BlkscopeError NO_TOUCHES, with the reason, when nothing was to be seen. */
  stop(): SeenTouches {
    const seen = this.#recorder.stop();
    const reason = unseenReason(seen);
    if (reason) throw new BlkscopeError('NO_TOUCHES', `--touches: ${reason}`, 'unsupported');
    const { begins, ends, profiled, faults } = seen.passes;
    const { passes, regions, bytes } = seen.touches;
    return {
      passes: Array.from(begins, (beginNs, i) => ({
        ...{ beginNs, endNs: ends[i] || null, profiled: profiled[i] === 1, faults: faults[i] as number },
      })),
      touches: Array.from(passes, (pass, i) => ({
        pass,
        region: regions[i] as number,
        bytes: bytes[i] as number,
      })),
      lost: seen.lost,
    };
  }
}

function requireLibrary(): void {
  const library = touchLibrary();
  const refuse = (why: string) => {
    throw new BlkscopeError('NO_TOUCHES', `--touches: ${library} ${why}`, 'unsupported');
  };
  if (!existsSync(library)) refuse('is missing; build or install blkscope again');
  if (/[\s:]/.test(library))
    refuse('cannot be loaded: its path holds a space or a colon, which LD_PRELOAD cannot name');
}

function unseenReason({ called, mapped, refused, touches, passes }: NativeSeenTouches): string | null {
  if (!called) {
    return 'the program made no pass that could be watched: it is linked statically, is no llama.cpp, or could not load the library (see workload.log)';
  }
  if (!mapped)
    return 'the program has not mapped the model; leave out what keeps it from mapping (--no-mmap, --direct-io)';
  if (refused !== 0)
    return 'the kernel keeps the pages mapped, since the program locks them; leave out --mlock';
  if (passes.profiled.includes(1) && touches.passes.length === 0)
    return 'the program used none of the pages that it mapped: it has copied the weights; leave out --repack';
  return null;
}
