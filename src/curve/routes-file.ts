import { createReadStream } from 'node:fs';
import { BlkscopeError, whyUnreadable } from '../errors.js';
import { openToRead } from '../files/read.js';
import { ExpertColumns, type ExpertTouches } from './touch-columns.js';

/** `token,layer,expert`: the columns of a file of routes. */
const columns = ['token', 'layer', 'expert'] as const;
/** Longer lines are no routes. */
const mostLineBytes = 4096;
const mostNumber = 2 ** 26 - 1;

/**
 * Reads routes of any engine: a line for each use of an expert, three whole numbers with commas (or semicolons, tabs) in
 * between. A first line of names may tell another order of the columns. Tokens come one after another; a token whose number
 * differs from the line before is the next one.
 *
 * `expertBytes`: of each expert; 1 counts experts. Throws BlkscopeError: ENOENT and the like; BAD_ROUTES with the line.
 *
 * @example
 * const touches = await readRoutes('routes.csv', 3_000_000);
 * console.log(touches.tokenStarts.length, 'tokens');
 */
export async function readRoutes(path: string, expertBytes: number): Promise<ExpertTouches> {
  const reader = new RoutesReader(path, expertBytes);
  let rest = '';
  try {
    const file = openToRead(path);
    for await (const chunk of createReadStream('', {
      fd: file,
      encoding: 'latin1',
      highWaterMark: 1 << 20,
    })) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) reader.take(line);
      if (rest.length > mostLineBytes) reader.take(rest); // no route is so long: it is refused
    }
  } catch (error) {
    if (error instanceof BlkscopeError) throw error;
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    const why = whyUnreadable(error as NodeJS.ErrnoException);
    throw new BlkscopeError(code, `${path} cannot be read: ${why}`, 'usage', { cause: error });
  }
  if (rest) reader.take(rest);
  return reader.finish();
}

class RoutesReader {
  readonly #columns = new ExpertColumns();
  #order: readonly number[] = [0, 1, 2];
  #lines = 0;
  #routes = 0;
  #token = -1;

  constructor(
    private readonly path: string,
    private readonly expertBytes: number,
  ) {}

  take(text: string): void {
    this.#lines++;
    const line = text.trim();
    if (line === '' || line.startsWith('#')) return;
    if (line.length > mostLineBytes) this.#refuse('is too long for a route');
    const fields = line.split(/[,;\t]/);
    if (this.#routes === 0 && /[a-z]/i.test(line)) {
      this.#takeNames(fields);
      return;
    }
    const [token, layer, expert] = this.#order.map((column) => this.#number(fields[column]));
    if (token !== this.#token) this.#columns.beginToken();
    this.#token = token as number;
    this.#columns.use(layer as number, expert as number, this.expertBytes);
    this.#routes++;
  }

  finish(): ExpertTouches {
    if (this.#routes === 0)
      throw new BlkscopeError('BAD_ROUTES', `${this.path}: no route in it; a line is token,layer,expert`);
    return this.#columns.columns();
  }

  #refuse(what: string): never {
    throw new BlkscopeError('BAD_ROUTES', `${this.path}: line ${this.#lines} ${what}`);
  }

  #takeNames(fields: readonly string[]): void {
    const names = fields.map((field) => field.trim().replace(/^"|"$/g, '').toLowerCase());
    this.#order = columns.map((column) => {
      const at = names.indexOf(column);
      if (at < 0) this.#refuse(`names no column '${column}'; the columns are token, layer and expert`);
      return at;
    });
  }

  #number(field: string | undefined): number {
    const value = Number(field);
    if (
      field === undefined ||
      field.trim() === '' ||
      !Number.isInteger(value) ||
      value < 0 ||
      value > mostNumber
    )
      this.#refuse(`is no route: three whole numbers token,layer,expert of at most ${mostNumber} are needed`);
    return value;
  }
}
