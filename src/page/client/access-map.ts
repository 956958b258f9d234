import {
  accessFrame,
  accessMargins,
  eachSpan,
  offsetAt,
  paint,
  regionAt,
  usedColours,
} from '../../plot/access.js';
import { cellAt, type Fields, fieldsOf, type MapView, pixelsFilled } from '../../plot/access-fields.js';
import { type ColourMode, colourModes, type OrderMode } from '../../plot/kinds.js';
import { bytes, seconds, short } from '../../plot/numbers.js';
import type { RunData } from '../../plot/run-data.js';
import { picture, shown } from '../../plot/svg.js';
import { node, resolvedColour } from './dom.js';
import type { SharedView } from './shared-view.js';

const modeNames: Record<ColourMode, string> = {
  role: 'role',
  times: 'how often before',
  size: 'size of reads',
};

/** The share of pixels with a colour below which a map is all specks. */
const sparse = 0.05;

/** The access map with its switches: drawn on a canvas, since it may have hundreds of thousands of cells. */
export class AccessMap {
  readonly element: HTMLElement;
  readonly #frame = node('div');
  readonly #canvas = node('canvas', {
    tabindex: '0',
    role: 'application',
    'aria-label': 'Access map. Arrows move, plus and minus zoom, 0 shows all.',
  });
  readonly #key = node('div', { class: 'key' });
  readonly #readout = node('p', { class: 'readout', 'aria-live': 'polite' });
  #mode: ColourMode = 'role';
  #order: OrderMode = 'file';
  #low = 0;
  #high = 1;
  #pending = false;
  #fields: Fields | undefined;
  #image: ImageData | null = null;

  constructor(
    private readonly run: RunData,
    private readonly shared: SharedView,
  ) {
    const box = node('div', { class: 'canvas', id: 'access-map' }, this.#frame, this.#canvas);
    this.element = node('div', {}, this.#controls(), box, this.#key, this.#readout);
    this.#listen();
    shared.onChange(() => this.draw());
  }

  /** At most once for each picture that the screen shows. */
  draw(): void {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      this.#drawNow();
    });
  }

  #drawNow(): void {
    const width = Math.max(this.element.clientWidth, 280);
    const height = Math.round(Math.min(Math.max(width * 0.5, 260), 520));
    const view = this.#view();
    this.#frame.innerHTML = picture(
      { width, height },
      'Access map',
      accessFrame(this.run, view, { width, height }, this.#order),
    );
    const { left, right, top, bottom } = accessMargins;
    const room = { width: width - left - right, height: height - top - bottom };
    Object.assign(this.#canvas.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${room.width}px`,
      height: `${room.height}px`,
    });
    const scale = Math.min(window.devicePixelRatio || 1, 2);
    // A few reads in a wide map would be specks: they are drawn as squares of three.
    for (const grain of [1 / scale, 3]) {
      const [across, up] = [Math.round(room.width / grain), Math.round(room.height / grain)];
      this.#divide(view, across, up);
      if (this.#fields && pixelsFilled(this.#fields) > sparse * across * up) break;
    }
    this.#paint(view);
  }

  #divide(view: MapView, width: number, height: number): void {
    const grid = this.#grid();
    if (grid) this.#fields = fieldsOf(grid, this.run.seconds, view, width, height, this.#fields);
  }

  #paint(view: MapView): void {
    const context = this.#canvas.getContext('2d');
    const fields = this.#fields;
    if (!fields || !context) return;
    const [width, height] = [fields.across.pixels, fields.up.pixels];
    if (this.#canvas.width !== width || this.#canvas.height !== height || !this.#image) {
      Object.assign(this.#canvas, { width, height });
      this.#image = context.createImageData(width, height);
    }
    const painted = paint(this.run, fields, view, this.#mode, this.#order);
    const packed = painted.colours.map(({ colour }) => packedColour(resolvedColour(colour)));
    const points = new Uint32Array(this.#image.data.buffer);
    points.fill(0);
    eachSpan(fields, painted, (row, from, to, colour, strength) => {
      const left = (height - 1 - row) * width;
      points.fill((packed[colour] as number) | ((255 * strength) << 24), left + from, left + to);
    });
    context.putImageData(this.#image, 0, 0);
    this.#canvas.dataset.painted = String(pixelsFilled(fields));
    this.#showKey(usedColours(fields, painted));
  }

  #showKey(colours: readonly { name: string; colour: string }[]): void {
    this.#key.replaceChildren(
      ...colours.map(({ name, colour }) => {
        const entry = node('span', {}, name);
        entry.style.setProperty('--c', resolvedColour(colour));
        return entry;
      }),
    );
  }

  #view(): MapView {
    return { ...this.shared.view, low: this.#low, high: this.#high };
  }

  #grid() {
    const { access } = this.run;
    return access && (this.#order === 'file' ? access.byFile : access.byDisk);
  }

  #controls(): HTMLElement {
    const colours = choice('Colour', 'colour', colourModes, modeNames, this.#mode, (mode) => {
      this.#mode = mode;
      this.draw();
    });
    const orders = choice(
      'Place',
      'place',
      ['file', 'disk'] as const,
      { file: 'in the file', disk: 'on the disk' },
      this.#order,
      (order) => {
        this.#order = order;
        this.#low = 0;
        this.#high = 1;
        this.draw();
      },
    );
    const button = (name: string, label: string, act: () => void) => {
      const made = node('button', { type: 'button', 'aria-label': label, title: label }, name);
      made.addEventListener('click', act);
      return made;
    };
    return node(
      'div',
      { class: 'controls' },
      colours,
      orders,
      this.#tokenChoice(),
      button('+', 'zoom in', () => this.#zoom(0.5)),
      button('-', 'zoom out', () => this.#zoom(2)),
      button('All', 'show all', () => this.#reset()),
    );
  }

  #tokenChoice(): HTMLElement {
    const { tokens, phases, firstToken } = this.run;
    const select = node('select', { id: 'zoom-to', 'aria-label': 'zoom to' });
    const add = (value: string, name: string) => select.append(node('option', { value }, name));
    add('', 'zoom to ...');
    phases.forEach(({ name }, i) => {
      add(`phase ${i}`, name);
    });
    tokens.slice(1).forEach((_, i) => {
      add(`token ${i}`, `token ${firstToken + i}`);
    });
    select.addEventListener('change', () => {
      const [kind, number] = select.value.split(' ');
      const i = Number(number);
      if (kind === 'phase') this.shared.show(phases[i] as { from: number; to: number });
      else if (kind === 'token') this.shared.show({ from: tokens[i] as number, to: tokens[i + 1] as number });
      else this.#reset();
    });
    return select;
  }

  #reset(): void {
    this.#low = 0;
    this.#high = 1;
    this.shared.show(this.shared.whole);
  }

  #zoom(factor: number, time = (this.shared.view.from + this.shared.view.to) / 2): void {
    this.shared.zoom(factor, time);
  }

  /** Up and down: places. */
  #movePlaces(share: number): void {
    const width = this.#high - this.#low;
    const low = Math.min(Math.max(this.#low + share * width, 0), 1 - width);
    [this.#low, this.#high] = [low, low + width];
    this.draw();
  }

  #zoomPlaces(factor: number): void {
    const width = Math.min((this.#high - this.#low) * factor, 1);
    const middle = (this.#low + this.#high) / 2;
    const low = Math.min(Math.max(middle - width / 2, 0), 1 - width);
    [this.#low, this.#high] = [low, low + width];
    this.draw();
  }

  #listen(): void {
    const canvas = this.#canvas;
    let drag: { x: number; y: number } | null = null;
    canvas.addEventListener('pointerdown', (event) => {
      drag = { x: event.clientX, y: event.clientY };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointerup', () => {
      drag = null;
    });
    canvas.addEventListener('pointermove', (event) => {
      const { width, height, left, top } = canvas.getBoundingClientRect();
      if (drag) {
        const { from, to } = this.shared.view;
        this.shared.pan(-((event.clientX - drag.x) / width) * (to - from));
        this.#movePlaces((event.clientY - drag.y) / height);
        drag = { x: event.clientX, y: event.clientY };
      }
      this.#tell((event.clientX - left) / width, 1 - (event.clientY - top) / height);
    });
    canvas.addEventListener('dblclick', () => this.#reset());
    canvas.addEventListener(
      'wheel',
      (event) => {
        // The page scrolls; with a key held, or when it was chosen, the map zooms.
        if (!event.ctrlKey && document.activeElement !== canvas) return;
        event.preventDefault();
        const { width, left } = canvas.getBoundingClientRect();
        const { from, to } = this.shared.view;
        this.#zoom(event.deltaY > 0 ? 1.25 : 0.8, from + ((event.clientX - left) / width) * (to - from));
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (event) => {
      const { from, to } = this.shared.view;
      const keys: Record<string, () => void> = {
        ArrowLeft: () => this.shared.pan(-(to - from) / 8),
        ArrowRight: () => this.shared.pan((to - from) / 8),
        ArrowUp: () => this.#movePlaces(1 / 8),
        ArrowDown: () => this.#movePlaces(-1 / 8),
        '+': () => this.#zoom(0.5),
        '-': () => this.#zoom(2),
        '[': () => this.#zoomPlaces(2),
        ']': () => this.#zoomPlaces(0.5),
        '0': () => this.#reset(),
      };
      const act = keys[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  /** What lies at a place of the canvas; shares from its lower left corner. */
  #tell(across: number, up: number): void {
    const { from, to } = this.shared.view;
    const time = from + across * (to - from);
    const place = this.#low + up * (this.#high - this.#low);
    const offset = offsetAt(this.run, this.#order, place);
    const region = offset === null ? null : regionAt(this.run.regions, offset);
    const token = this.run.tokens.findLastIndex((at) => at <= time);
    const when =
      token >= 0 && token < this.run.tokens.length - 1
        ? `${seconds(time)}, token ${this.run.firstToken + token}`
        : seconds(time);
    const here = this.#cellAt(time, place);
    const parts = [when];
    if (region) {
      const of = [
        region.layer === null ? null : `layer ${region.layer}`,
        region.expert === null ? null : `expert ${region.expert}`,
        region.role,
      ];
      parts.push(`${region.name} (${of.filter((part) => part !== null).join(', ')})`);
      const it = region.expert === null ? 'it' : 'the expert';
      parts.push(`in the whole run ${bytes(region.readBytes)} read of ${it} in ${short(region.reads)} reads`);
    }
    parts.push(
      here ? `here: ${bytes(here.bytes)} in ${short(here.reads)} reads that begin here` : 'here: nothing',
    );
    this.#readout.textContent = shown(parts.join('; '));
  }

  #cellAt(time: number, place: number): { bytes: number; reads: number } | null {
    const grid = this.#grid();
    if (!grid) return null;
    const i = cellAt(grid, this.run.seconds, time, place);
    if (i === null) return null;
    const sectors = (grid.first[i] as number) + (grid.second[i] as number) + (grid.later[i] as number);
    return { bytes: sectors * 512, reads: grid.reads[i] as number };
  }
}

function choice<Value extends string>(
  title: string,
  name: string,
  values: readonly Value[],
  names: Record<Value, string>,
  chosen: Value,
  choose: (value: Value) => void,
): HTMLElement {
  const entries = values.map((value) => {
    const input = node('input', { type: 'radio', name, value, ...(value === chosen ? { checked: '' } : {}) });
    input.addEventListener('change', () => choose(value));
    return node('label', {}, input, ` ${names[value]}`);
  });
  return node('fieldset', {}, node('legend', {}, title), ...entries);
}

/** As the four bytes of a canvas's point, all but how opaque it is. */
function packedColour(colour: string): number {
  const value = Number.parseInt(colour.slice(1), 16);
  return (value >> 16) | (value & 0xff00) | ((value & 255) << 16);
}
