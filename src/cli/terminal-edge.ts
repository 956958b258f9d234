import { printable } from '../report/printable.js';
import { emphasis } from '../report/style.js';

/**
 * What we write of control sequences ourselves: emphasis, and at the start of a text what wipes a progress line. Names and
 * values are made printable where they are put into a text; this is for those that are forgotten.
 */
const ours = new RegExp(`(^\\r\\x1b\\[K|${emphasis.source}|[\\n\\t])`);

/** Text as a terminal may have it: no control character but our own, whoever's name or value held it. */
export function terminalText(text: string): string {
  return text
    .split(ours)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('');
}

type Write = NodeJS.WriteStream['write'];

/** The guarded streams, with how they write without the guard. */
const guarded = new Map<NodeJS.WriteStream, Write>();

/** Everything that goes to a terminal goes through this one edge; files and pipes get what was written, to the byte. */
export function guardTerminal(stream: NodeJS.WriteStream): void {
  if (!stream.isTTY) return;
  const plain = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  guarded.set(stream, plain as Write);
  stream.write = ((chunk: string | Uint8Array, ...rest: unknown[]) =>
    plain(terminalText(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()), ...rest)) as Write;
}

/** Lets what draws the whole terminal write its sequences; it must make the text of others printable itself. Returns what guards again. */
export function liftGuard(stream: NodeJS.WriteStream): () => void {
  const plain = guarded.get(stream);
  if (!plain) return () => {};
  const guard = stream.write;
  stream.write = plain;
  return () => {
    stream.write = guard;
  };
}

/** Has `prepare` called with stdout or stderr once somebody first uses it: Node takes a while to make one. */
export function onFirstUse(name: 'stdout' | 'stderr', prepare: (stream: NodeJS.WriteStream) => void): void {
  const made = Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor;
  Object.defineProperty(process, name, {
    ...made,
    get: () => {
      Object.defineProperty(process, name, made);
      const stream = process[name] as NodeJS.WriteStream;
      prepare(stream);
      return stream;
    },
  });
}
