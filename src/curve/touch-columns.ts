import type { AccessPattern } from '../advise/simulate.js';
import type { Region } from '../model/regions.js';

/** Touches of whole experts, each by each token at most once, in the order in which the token came to them. */
export interface ExpertTouches {
  /** The expert of each touch, numbered from 0. */
  items: Uint32Array;
  /** By expert. */
  bytes: BigUint64Array;
  layers: Uint32Array;
  /** Index of each token's first touch. */
  tokenStarts: number[];
}

/** Numbers experts in the order in which they appear. */
export class ExpertColumns {
  readonly #numbers = new Map<number, number>();
  readonly #layers: number[] = [];
  readonly #bytes: number[] = [];
  readonly #lastToken: number[] = [];
  readonly #tokenStarts: number[] = [];
  #items = new Uint32Array(1024);
  #count = 0;

  beginToken(): void {
    this.#tokenStarts.push(this.#count);
  }

  /** Of the token that began last; a second use by the same token is none. `bytes`: the expert's size. */
  use(layer: number, expert: number, bytes: number): void {
    const key = layer * 2 ** 26 + expert;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#layers.length;
      this.#numbers.set(key, number);
      this.#layers.push(layer);
      this.#bytes.push(bytes);
      this.#lastToken.push(-1);
    }
    if (this.#lastToken[number] === this.#tokenStarts.length) return;
    this.#lastToken[number] = this.#tokenStarts.length;
    if (this.#count === this.#items.length) this.#grow();
    this.#items[this.#count++] = number;
  }

  columns(): ExpertTouches {
    return {
      items: this.#items.slice(0, this.#count),
      bytes: BigUint64Array.from(this.#bytes, BigInt),
      layers: Uint32Array.from(this.#layers),
      tokenStarts: this.#tokenStarts,
    };
  }

  #grow(): void {
    const larger = new Uint32Array(this.#items.length * 2);
    larger.set(this.#items);
    this.#items = larger;
  }
}

/** The experts of a pattern: those of the prompt, then those of each token. null: it has none. */
export function expertTouches({ regions, prompt, tokens }: AccessPattern): ExpertTouches | null {
  const sizes = new Map<string, number>();
  const keyOf = ({ layer, expert }: Region) => `${layer}.${expert}`;
  for (const region of regions) {
    if (region.expert !== null) sizes.set(keyOf(region), (sizes.get(keyOf(region)) ?? 0) + region.bytes);
  }
  if (sizes.size === 0) return null;
  const columns = new ExpertColumns();
  const use = (index: number) => {
    const region = regions[index] as Region;
    if (region.expert !== null && region.layer !== null)
      columns.use(region.layer, region.expert, sizes.get(keyOf(region)) as number);
  };
  prompt.forEach(use);
  for (const touched of tokens) {
    columns.beginToken();
    touched.forEach(use);
  }
  return columns.columns();
}

/** Bytes that a pattern touches besides experts, each once; of tables that are looked up nothing. */
export function bytesBesideExperts({ regions, tokens }: AccessPattern): number {
  const besides = new Set(tokens.flat().filter((index) => regions[index]?.expert === null));
  return [...besides].reduce((sum, index) => sum + (regions[index]?.bytes ?? 0), 0);
}
