import { shown } from '../../plot/svg.js';

/** Elements of the page. Text goes in as text alone, never as HTML. */
export function node<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string> = {},
  ...content: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content.map((part) => (typeof part === 'string' ? shown(part) : part)));
  return made;
}

/** A value of a custom property, or what `var(--name,fallback)` falls back to. */
export function resolvedColour(colour: string): string {
  const [, name = '', fallback = colour] = /^var\(--(\w+),(#\w+)\)$/.exec(colour) ?? [];
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || fallback;
}
