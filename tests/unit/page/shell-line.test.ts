import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellLine } from '../../../src/page/shell-line.js';

test('a command line is one line that can be seen, and bash takes it as the words it was made of', () => {
  const words = [
    ...['plain', '--size=4K', 'two words', "it's", '', '$(id) `id` "x" \\ !', '*'],
    ...['\x1b[31mred\n1', 'tab\there', '\u009b31m', '\u202eabc', "'\u2028\\", '\u{e0041}f', '<script>'],
  ];
  const line = shellLine(words);
  assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  const told = execFileSync('bash', ['-c', `printf '%s\\0' ${line}`], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  assert.deepEqual(told.split('\0').slice(0, -1), words);
});
