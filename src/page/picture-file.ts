import { BlkscopeError } from '../errors.js';

/** What `plot -o` writes, by the ending of the name. */
export const pictureFormats = ['svg', 'pdf', 'png'] as const;
export type PictureFormat = (typeof pictureFormats)[number];

const dotsPerInch = 300;
const pixelsPerInch = 96;

/**
 * A figure as the bytes of a file. PDF and PNG come from packages that are not installed with blkscope.
 * Throws BlkscopeError: NO_PACKAGE, which says how to install it; NO_FONT where a PNG would have no text.
 */
export async function pictureFile(svg: string, format: PictureFormat): Promise<Uint8Array> {
  if (format === 'pdf') return asPdf(svg);
  if (format === 'png') return asPng(svg);
  return Buffer.from(svg);
}

/** With 300 dots an inch, on white. */
async function asPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await packaged(() => import('@resvg/resvg-js'), 'png', '@resvg/resvg-js');
  const font = { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans', sansSerifFamily: 'DejaVu Sans' };
  const probe = new Resvg(
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="8">x</text></svg>',
    { font },
  );
  if (!probe.getBBox())
    throw new BlkscopeError(
      'NO_FONT',
      '-o FILE.png: this machine has no font to write text with; install one, such as fonts-dejavu-core, or write svg or pdf',
      'unsupported',
    );
  const zoom = { mode: 'zoom', value: dotsPerInch / pixelsPerInch } as const;
  return new Resvg(svg, { font, fitTo: zoom, background: '#ffffff' }).render().asPng();
}

/** With the fonts that every reader of PDF has. */
async function asPdf(svg: string): Promise<Uint8Array> {
  const names = 'pdfkit svg-to-pdfkit';
  const { default: Document } = await packaged(() => import('pdfkit'), 'pdf', names);
  const { default: draw } = await packaged(() => import('svg-to-pdfkit'), 'pdf', names);
  const [width, height] = sizeInPoints(svg);
  const document = new Document({ size: [width, height], margin: 0 });
  const chunks: Uint8Array[] = [];
  const written = new Promise<void>((resolve, reject) => {
    document.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    document.on('end', resolve);
    document.on('error', reject);
  });
  draw(document, svg, 0, 0, { width, height, preserveAspectRatio: 'xMinYMin meet' });
  document.end();
  await written;
  return Buffer.concat(chunks);
}

/** Of a figure that is told in millimetres. */
function sizeInPoints(svg: string): [number, number] {
  const millimetres = (name: string) => Number(new RegExp(` ${name}="([\\d.]+)mm"`).exec(svg)?.[1]);
  const points = (name: string) => (millimetres(name) * 72) / 25.4;
  return [points('width'), points('height')];
}

async function packaged<T>(load: () => Promise<T>, format: string, names: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new BlkscopeError(
      'NO_PACKAGE',
      `-o FILE.${format}: that needs what is not installed; run 'npm install ${names}' beside blkscope, or write svg`,
      'unsupported',
      { cause },
    );
  }
}
