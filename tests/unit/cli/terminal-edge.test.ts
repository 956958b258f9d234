import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardTerminal, terminalText } from '../../../src/cli/terminal-edge.js';

/** C0 without line feed and tab, DEL, C1, and what turns the direction of text. */
const controls = [
  ...Array.from({ length: 32 }, (_, i) => i).filter((code) => code !== 9 && code !== 10),
  ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
  ...[0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x61c],
];

test('no control character of others reaches a terminal', () => {
  for (const code of controls) {
    const text = terminalText(`a${String.fromCharCode(code)}b`);
    assert.ok(!text.includes(String.fromCharCode(code)), code.toString(16));
  }
  for (const attack of [
    '\x1b]0;title\x07',
    '\x1b[2J',
    '\x1b[1;1H',
    '\x1bP+q\x1b\\',
    '\x9b2J',
    '\x1b[?1049h',
    '\x1b[31m',
    '\x1b[8m',
    '\x1b[1;31m',
  ]) {
    assert.doesNotMatch(terminalText(`name${attack}`), /\p{Cc}/u, JSON.stringify(attack));
  }
});

test('our own emphasis and the wiping of a progress line stay, and what is no terminal gets every byte', () => {
  const own = '\r\x1b[K\x1b[1mbold\x1b[22m\tand\n';
  assert.equal(terminalText(own), own);
  assert.doesNotMatch(terminalText('name\r\x1b[K'), /\r/, 'a name wipes no line');
  const written: unknown[] = [];
  const stream = (isTTY: boolean) =>
    ({ isTTY, write: (chunk: unknown) => written.push(chunk) > 0 }) as unknown as NodeJS.WriteStream;
  const terminal = stream(true);
  const pipe = stream(false);
  for (const each of [terminal, pipe]) {
    guardTerminal(each);
    each.write('a\x1b[2Jb');
    each.write(Buffer.from('a\x1b[2Jb'));
  }
  assert.deepEqual(written, ['a\\x1b[2Jb', 'a\\x1b[2Jb', 'a\x1b[2Jb', Buffer.from('a\x1b[2Jb')]);
});
