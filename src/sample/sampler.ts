import { native } from '../native/binding.js';
import { KernelThreads } from './kernel-threads.js';
import { machineMetrics } from './machine-metrics.js';
import { ownMetrics, processMetrics, ThreadWaits } from './process-metrics.js';
import { ResidencyWatch, type WatchedPart } from './residency.js';
import type { Sample } from './sample.js';

export interface SamplerOptions {
  /** Files whose part in the page cache is watched. */
  paths: readonly string[];
  /** Parts of them that are watched one by one. Default: none. */
  parts?: readonly WatchedPart[];
  /** Default 250. */
  everyMs?: number;
  /** How many looks are kept: when there are more, each second one is left out, and they come half as often. Default: half an hour of them. */
  mostLooks?: number;
}

/** Where among the samples those of a look begin; `first`: it found something that was never found before. */
interface Look {
  from: number;
  first: boolean;
}

const halfAnHour = 7200;

/**
 * The kernel walks a file's whole index to count its cached pages, which takes long for a large file: this may take
 * one part in so many of the time.
 */
const residencyShare = 100;

/** Watches the machine, the workload and its files while it runs, on the block trace's clock. */
export class Sampler {
  /** In order of time. The same list all the while: who looks on has it. */
  readonly samples: Sample[] = [];
  /** Time that sampling took, in ns: what it cost at most. */
  tookNs = 0;
  /** How often it was looked. */
  looks = 0;
  readonly residency: ResidencyWatch;
  readonly #paths: readonly string[];
  readonly #mostLooks: number;
  readonly #metrics = new Set<string>();
  #kept: Look[] = [];
  #everyMs: number;
  #timer: NodeJS.Timeout;
  #pid: number | null = null;
  readonly #kernel = new KernelThreads();
  readonly #waits = new ThreadWaits();
  #nextResidencyNs = 0n;

  constructor({ paths, parts = [], everyMs = 250, mostLooks = halfAnHour }: SamplerOptions) {
    this.#paths = paths;
    this.#everyMs = everyMs;
    this.#mostLooks = mostLooks;
    this.residency = new ResidencyWatch(paths, parts);
    this.#look();
    this.#timer = this.#start();
  }

  /** The workload has started: its own counters are watched from now on. */
  watch(pid: number): void {
    this.#pid = pid;
  }

  /** Looks for the last time. */
  stop(): void {
    this.#nextResidencyNs = 0n;
    this.#look(true);
    clearInterval(this.#timer);
  }

  /** A metric's last value less its first; null where the kernel does not have it. */
  growth(metric: string): number | null {
    const first = this.samples.find((sample) => sample.metric === metric);
    const last = this.samples.findLast((sample) => sample.metric === metric);
    return first && last ? last.value - first.value : null;
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => this.#look(), this.#everyMs).unref();
  }

  #look(last = false): void {
    const start = process.hrtime.bigint();
    if (this.#kept.length >= this.#mostLooks) this.#thin();
    this.#kept.push({ from: this.samples.length, first: false });
    this.#take(machineMetrics());
    this.#take(this.#kernel.look());
    this.#take(ownMetrics());
    if (this.#pid !== null) {
      this.#take(processMetrics(this.#pid));
      this.#take(this.#waits.look(this.#pid));
    }
    this.#takeResidency();
    this.residency.look(last);
    this.tookNs += Number(process.hrtime.bigint() - start);
    this.looks++;
  }

  /** What grows from the first time on that it was found is not to lose that one. */
  #thin(): void {
    const looks = this.#kept;
    this.#kept = [];
    let end = 0;
    looks.forEach(({ from, first }, i) => {
      if (!first && i % 2 === 1) return;
      this.#kept.push({ from: end, first });
      const to = looks[i + 1]?.from ?? this.samples.length;
      this.samples.copyWithin(end, from, to);
      end += to - from;
    });
    this.samples.length = end;
    this.#everyMs *= 2;
    clearInterval(this.#timer);
    this.#timer = this.#start();
  }

  #takeResidency(): void {
    const start = process.hrtime.bigint();
    if (this.#paths.length === 0 || start < this.#nextResidencyNs) return;
    const all = this.#paths.map((path) => native.pageCacheResidency(path));
    const sum = (values: (number | null)[]) =>
      values.includes(null) ? null : values.reduce((total: number, n) => total + (n ?? 0), 0);
    this.#take([
      ['modelCachedBytes', sum(all.map(({ cachedBytes }) => cachedBytes))],
      ['modelEvictedBytes', sum(all.map(({ evictedBytes }) => evictedBytes))],
      ['modelRecentlyEvictedBytes', sum(all.map(({ recentlyEvictedBytes }) => recentlyEvictedBytes))],
    ]);
    const end = process.hrtime.bigint();
    this.#nextResidencyNs = end + (end - start) * BigInt(residencyShare);
  }

  #take(values: [metric: string, value: number | null][]): void {
    const time = process.hrtime.bigint();
    for (const [metric, value] of values) {
      if (value === null) continue;
      this.samples.push({ time, metric, value });
      if (this.#metrics.has(metric)) continue;
      this.#metrics.add(metric);
      (this.#kept.at(-1) as Look).first = true;
    }
  }
}
