import { printable } from '../report/printable.js';

/** What we write of control sequences ourselves: emphasis, and the wiping of a progress line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const ours = /(\x1b\[\d{1,2}m|\r\x1b\[K|[\n\t])/;

/** Text as a terminal may have it: no control character but our own, whoever's name or value held it. */
export function terminalText(text: string): string {
  return text
    .split(ours)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('');
}

/** Everything that goes to a terminal goes through this one edge; files and pipes get what was written, to the byte. */
export function guardTerminal(stream: NodeJS.WriteStream): void {
  if (!stream.isTTY) return;
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = ((chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === 'string' ? terminalText(chunk) : chunk, ...rest)) as typeof stream.write;
}
