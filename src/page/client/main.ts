import { accessFigure } from '../../plot/access.js';
import { cliffFigure } from '../../plot/cliff.js';
import type { PlotFigure } from '../../plot/figure.js';
import { makers, ofSeveral } from '../../plot/figures-of.js';
import { foreseenFigure } from '../../plot/foreseen.js';
import { seconds } from '../../plot/numbers.js';
import type { RunData } from '../../plot/run-data.js';
import { shown } from '../../plot/svg.js';
import { panelsOf, timelineMargins } from '../../plot/timeline.js';
import type { PageContent } from '../page-content.js';
import { AccessMap } from './access-map.js';
import { pageContent } from './content.js';
import { node } from './dom.js';
import { SharedView } from './shared-view.js';

type Runs = readonly [RunData, ...RunData[]];

/** Figures that are drawn anew when the width or the theme changes. */
const redraws: (() => void)[] = [];
/** Those of them that show a span of time. */
const overTime: (() => void)[] = [];
/** The kinds of these, but for the access map, which sees to itself. */
const kindsOverTime: readonly string[] = ['timeline', 'cumulative', 'latency'];

function show(content: PageContent): void {
  const main = document.getElementById('figures') as HTMLElement;
  main.replaceChildren();
  const links = node('nav', { 'aria-label': 'Figures' });
  main.append(links);
  const add = (figure: PlotFigure, body: HTMLElement) => {
    const data = dataOf(figure);
    const section = node(
      'section',
      { id: figure.kind },
      node('h2', {}, figure.title),
      node('p', { class: 'note' }, figure.note),
      body,
      data,
    );
    main.append(section);
    links.append(node('a', { href: `#${figure.kind}` }, figure.title));
  };
  const [first, ...others] = content.runs;
  const ofGroups = [
    content.cliff && cliffFigure(content.cliff.points, content.cliff.curves),
    foreseenFigure(content.foreseen),
  ];
  for (const figure of ofGroups)
    if (figure)
      add(
        figure,
        drawn(() => figure),
      );
  if (!first) return;
  if (others.length > 0) showSeveral([first, ...others], add);
  else showOne(first, add);
}

function showOne(run: RunData, add: (figure: PlotFigure, body: HTMLElement) => void): void {
  const shared = new SharedView({ from: 0, to: run.seconds });
  for (const [kind, make] of Object.entries(makers)) {
    const figure = make([run]);
    if (!figure) continue;
    if (kind === 'access') {
      const map = new AccessMap(run, shared);
      redraws.push(() => map.draw());
      add(accessFigure(run) as PlotFigure, map.element);
    } else {
      const body = kindsOverTime.includes(kind)
        ? drawn(() => make([run], shared.view) ?? figure, overTime)
        : drawn(() => figure);
      if (kind === 'timeline') withReadout(body, run, shared);
      add(figure, body);
    }
  }
  shared.onChange(oncePerPicture(overTime));
}

function showSeveral(runs: Runs, add: (figure: PlotFigure, body: HTMLElement) => void): void {
  for (const kind of ofSeveral) {
    const make = makers[kind];
    const figure = make?.(runs);
    if (figure)
      add(
        figure,
        drawn(() => figure),
      );
  }
  const span = { from: 0, to: Math.max(...runs.map(({ seconds: length }) => length)) };
  for (const kind of ['access', 'timeline', 'residency', 'token-time', 'heat', 'experts'] as const) {
    const made = runs.flatMap((run) => {
      const figure = makers[kind]?.([run], span);
      return figure ? [{ run, figure }] : [];
    });
    const [one] = made;
    if (!one) continue;
    const bodies = made.map(({ run, figure }) =>
      node(
        'div',
        {},
        node('h3', {}, run.name),
        drawn(() => figure),
      ),
    );
    add(one.figure, node('div', {}, ...bodies));
  }
}

/** A place that a figure is drawn into as wide as it is, and whenever one of `alsoIn` is called. */
function drawn(make: () => PlotFigure, alsoIn: (() => void)[] = []): HTMLElement {
  const body = node('div', { class: 'canvas' });
  const draw = () => {
    const figure = make();
    const width = Math.max(body.clientWidth, 280);
    body.innerHTML = figure.draw({ width, height: Math.round(figure.heightFor(width)) });
  };
  redraws.push(draw);
  alsoIn.push(whenSeen(body, draw));
  return body;
}

/** A draw that waits until its figure is on the screen. The browser tells when it comes there: to ask where it is would cost a layout. */
function whenSeen(body: HTMLElement, draw: () => void): () => void {
  let seen = false;
  let due = false;
  const drawIfSeen = () => {
    due = !seen;
    if (seen) draw();
  };
  new IntersectionObserver((entries) => {
    seen = entries.at(-1)?.isIntersecting ?? false;
    if (due) drawIfSeen();
  }).observe(body);
  return drawIfSeen;
}

/** Draws at most once for each picture that the screen shows. */
function oncePerPicture(draws: readonly (() => void)[]): () => void {
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      for (const draw of draws) draw();
    });
  };
}

/** Values of all curves at the time under the pointer. */
function withReadout(body: HTMLElement, run: RunData, shared: SharedView): void {
  const readout = node('p', { class: 'readout' });
  const cross = node('div', { class: 'cross' });
  const panels = panelsOf(run);
  queueMicrotask(() => body.after(readout));
  body.addEventListener('pointermove', (event) => {
    const { left, width } = body.getBoundingClientRect();
    const x = event.clientX - left;
    const room = width - timelineMargins.left - timelineMargins.right;
    const { from, to } = shared.view;
    const time = from + ((x - timelineMargins.left) / room) * (to - from);
    if (time < from || time > to) return;
    readout.textContent = shown(toldAt(panels, time));
    body.append(cross);
    Object.assign(cross.style, { left: `${x}px`, display: 'block' });
  });
}

function toldAt(panels: ReturnType<typeof panelsOf>, time: number): string {
  const parts = panels.map(({ title, told, curves }) => {
    const values = curves.map(
      ({ name, time: times, value }) => `${name} ${told(value[nearest(times, time)] ?? 0)}`,
    );
    return `${title}: ${values.join(', ')}`;
  });
  return [seconds(time), ...parts].join('; ');
}

function nearest(times: readonly number[], time: number): number {
  const after = times.findIndex((at) => at >= time);
  if (after < 0) return times.length - 1;
  return after > 0 && time - (times[after - 1] as number) < (times[after] as number) - time
    ? after - 1
    : after;
}

const rowsShown = 500;

/** The figure's data as a table, made when it is asked for. */
function dataOf(figure: PlotFigure): HTMLElement {
  const details = node('details', {}, node('summary', {}, 'Data'));
  details.addEventListener('toggle', () => {
    if (!details.open || details.querySelector('table')) return;
    const { columns, rows } = figure.table();
    const head = node('tr', {}, ...columns.map((name) => node('th', {}, name)));
    const body = rows
      .slice(0, rowsShown)
      .map((row) =>
        node(
          'tr',
          {},
          ...row.map((value) =>
            node('td', typeof value === 'number' ? { class: 'n' } : {}, value === null ? '' : String(value)),
          ),
        ),
      );
    details.append(
      node(
        'div',
        { class: 'scroll', tabindex: '0' },
        node('table', {}, node('thead', {}, head), node('tbody', {}, ...body)),
      ),
    );
    if (rows.length > rowsShown) {
      details.append(
        node(
          'p',
          { class: 'note' },
          `The first ${rowsShown} of ${rows.length} rows; blkscope plot --kind ${figure.kind} writes all of them.`,
        ),
      );
    }
  });
  return details;
}

function themes(): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let chosen: string | null = null;
  const button = node('button', { type: 'button', id: 'theme' });
  const apply = () => {
    const theme = chosen ?? (system.matches ? 'dark' : 'light');
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `${button.textContent} colours`);
    for (const redraw of redraws) redraw();
  };
  button.addEventListener('click', () => {
    chosen = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    apply();
  });
  system.addEventListener('change', apply);
  // Paper is white whatever the screen is.
  addEventListener('beforeprint', () => {
    document.documentElement.dataset.theme = 'light';
    for (const redraw of redraws) redraw();
  });
  addEventListener('afterprint', apply);
  document.querySelector('header .top')?.append(button);
  apply();
}

function followWidth(): void {
  let width = document.documentElement.clientWidth;
  const redraw = oncePerPicture(redraws);
  addEventListener('resize', () => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    redraw();
  });
}

async function start(): Promise<void> {
  show(await pageContent());
  themes();
  followWidth();
  requestAnimationFrame(() => {
    document.documentElement.dataset.ready = 'true';
  });
}

void start();
