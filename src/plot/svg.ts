/** A piece of SVG, already escaped. */
export type Svg = string;

export type Attributes = Record<string, string | number | undefined>;

/** Text of others as it may stand in a page: what has no sign of its own, or turns the direction of writing, becomes U+FFFD. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\ufffe\uffff]/gu, '\ufffd');
}

/** The same in SVG or HTML: never run. */
export function escaped(text: string): string {
  return shown(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** An element; `content` is SVG, so text in it is escaped by its caller, as `text` does. */
export function el(name: string, attributes: Attributes, content: Svg | readonly Svg[] = ''): Svg {
  const inner = typeof content === 'string' ? content : content.join('');
  const given = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? rounded(value) : escaped(String(value))}"`)
    .join('');
  return inner === '' ? `<${name}${given}/>` : `<${name}${given}>${inner}</${name}>`;
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): Svg {
  return el('text', { x, y, ...attributes }, escaped(words));
}

/** To a hundredth of a unit: more digits show nothing. */
function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export interface Size {
  width: number;
  height: number;
}

/** A whole picture; `title` is its name for those who do not see it. */
export function picture({ width, height }: Size, title: string, content: readonly Svg[]): Svg {
  return el(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${rounded(width)} ${rounded(height)}`,
      width,
      height,
      role: 'img',
      class: 'plot',
    },
    [el('title', {}, escaped(title)), ...content],
  );
}
