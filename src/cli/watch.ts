import type { Watch } from '../experiment/watch.js';
import { LiveRun, type WatchedRun } from '../live/live-run.js';
import { mapWidth, runPicture } from '../live/picture.js';
import type { Progress } from '../machine/progress.js';
import type { Mark } from '../workload/engine.js';
import { FullScreen } from './full-screen.js';
import { TerminalProgress } from './terminal-progress.js';

/** Twice a second: calm, and cheap. */
const drawMs = 500;

/**
 * The view of `run --watch` and `record --watch`: while tracing goes on it has the whole screen; steps before and after are lines, and what
 * is to be told meanwhile is told when the view is gone.
 */
export class WatchView implements Progress, Watch {
  readonly #lines = new TerminalProgress();
  #screen: FullScreen | null = null;
  #live: LiveRun | null = null;
  #timer: NodeJS.Timeout | null = null;
  #held: string[] = [];
  /** CPU time that looking on took, in ns. */
  tookNs = 0;

  constructor(
    private readonly title: string,
    private readonly interrupt: () => void,
  ) {}

  step(name: string): void {
    if (this.#screen) this.#held.push(name);
    else this.#lines.step(name);
  }

  update(text: string): void {
    if (!this.#screen) this.#lines.update(text);
  }

  warn(text: string): void {
    if (this.#screen) this.#held.push(`warning: ${text}`);
    else this.#lines.warn(text);
  }

  begin(watched: WatchedRun): void {
    this.#lines.end();
    const live = new LiveRun(watched);
    this.#live = live;
    this.#screen = new FullScreen({
      quit: () => this.#leave(),
      interrupt: this.interrupt,
      resize: () => this.#draw(),
    });
    void this.#follow(live, watched);
    this.#timer = setInterval(() => this.#draw(), drawMs).unref();
    this.#draw();
  }

  mark(mark: Mark): void {
    this.#live?.mark(mark);
  }

  end(): void {
    this.#leave();
    this.#lines.end();
  }

  async #follow(live: LiveRun, { tracer }: WatchedRun): Promise<void> {
    for await (const figures of tracer.progress(drawMs)) {
      if (!this.#screen) return;
      const { columns } = this.#screen;
      this.#timed(() => live.tick(figures, mapWidth(columns)));
    }
  }

  #draw(): void {
    if (!this.#screen || !this.#live) return;
    const [live, screen] = [this.#live, this.#screen];
    this.#timed(() => screen.draw(runPicture(live, this.title, screen.columns, screen.rows)));
  }

  #timed(action: () => void): void {
    const before = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(before);
    this.tookNs += (user + system) * 1000;
  }

  #leave(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#screen?.end();
    this.#screen = null;
    for (const line of this.#held) this.#lines.step(line);
    this.#held = [];
  }
}
