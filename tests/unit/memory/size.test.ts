import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSize, parseSize } from '../../../src/memory/size.js';

test('sizes are read as the GNU tools read them', () => {
  const cases: [string, number][] = [
    ['4096', 4096],
    ['4096B', 4096],
    ['15G', 15 * 2 ** 30],
    ['15g', 15 * 2 ** 30],
    ['512MiB', 512 * 2 ** 20],
    ['512M', 512 * 2 ** 20],
    ['800MB', 800e6],
    ['1.5K', 1536],
    ['2TiB', 2 * 2 ** 40],
    ['0', 0],
    [' 7 GB ', 7e9],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, text);
});

test('what is no size is refused in a line that names the option', () => {
  for (const text of ['', 'G', '-1G', '1.2.3M', '5 apples', '1e9', '99999999T', '0x10']) {
    assert.throws(
      () => parseSize(text, '--lock'),
      { name: 'BlkscopeError', code: 'BAD_SIZE', message: /^--lock: / },
      text,
    );
  }
});

test('sizes are shown with three digits', () => {
  const cases: [number, string][] = [
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1.00 KiB'],
    [131072, '128 KiB'],
    [622034944, '593 MiB'],
    [1047000, '1022 KiB'],
    [1048064, '1.00 MiB'],
    [3.8 * 2 ** 30, '3.80 GiB'],
    [22.13 * 2 ** 30, '22.1 GiB'],
  ];
  for (const [bytes, text] of cases) assert.equal(formatSize(bytes), text);
});
