import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { recordCommand } from '../../../src/cli/record.js';
import { runCommand } from '../../../src/cli/run.js';

/** What commander says of these arguments. */
async function refusal(command: Command, args: string[]): Promise<string> {
  let told = '';
  command.exitOverride().configureOutput({ outputError: (text) => (told += text) });
  await assert.rejects(command.parseAsync(args, { from: 'user' }), { code: 'commander.invalidArgument' });
  return told;
}

test('none of a thing that there must be some of is refused, not dropped', async () => {
  for (const option of ['-t', '--buffer-count']) {
    assert.match(await refusal(runCommand(), ['--model', 'm', option, '0']), /'0' is not above 0/);
  }
});

test('a trace buffer too small for a page is refused with the least there is', async () => {
  assert.match(
    await refusal(runCommand(), ['--model', 'm', '-b', '1']),
    /'1' is too small; the smallest is 4K/,
  );
  assert.match(await refusal(recordCommand(), ['-b', '4095']), /the smallest is 4K/);
});
