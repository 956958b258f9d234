import { unpack } from '../codec.js';
import type { PageContent } from '../page-content.js';

/** The page's data, inflated. */
export async function pageContent(): Promise<PageContent> {
  const [json, bytes] = await Promise.all([inflated('json'), inflated('bytes')]);
  return unpack(new TextDecoder().decode(json), bytes) as PageContent;
}

async function inflated(id: string): Promise<Uint8Array> {
  const { content } = document.getElementById(id) as HTMLTemplateElement;
  const packed = Uint8Array.from(atob(content.textContent ?? ''), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
