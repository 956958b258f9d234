import { Command, Option } from 'commander';
import type { PinFlags } from './handlers/pin.js';
import { environmentOption, size } from './options.js';

export function pinCommand(): Command {
  return new Command('pin')
    .requiredOption('-m, --model <file>', 'the GGUF file; any part of a split model')
    .addOption(
      new Option('--budget <size>', 'hold at most SIZE (default: all that tokens use)').argParser(size),
    )
    .addOption(
      new Option('--leave <size>', 'hold as much as leaves SIZE of memory available')
        .argParser(size)
        .conflicts('budget'),
    )
    .option('--plan <run>', 'a run that shows which experts tokens use')
    .option('--stream', 'for dense models: read the rest just before each token needs it')
    .option('--dry-run', 'print what would be held, and hold nothing')
    .option('--json', 'print it as JSON')
    .addOption(environmentOption())
    .argument('[command...]', 'after --: the command and its arguments')
    .action(async (command: string[], flags: PinFlags) =>
      (await import('./handlers/pin.js')).holdPinned(command, flags),
    );
}
