import { Command, Option } from 'commander';
import type { RunFlags } from './handlers/run.js';
import { count, environmentOption, positive, seconds, size, traceOptions } from './options.js';

export function runCommand(): Command {
  const command = new Command('run')
    .optionsGroup('Workload:')
    .option('-m, --model <file>', 'the GGUF file; any part of a split model')
    .option('--repeat-of <run>', 'do again what a run did; with -o, --repeat, --mount and --json alone')
    .option('--llama <path>', "llama.cpp's program, or 'embedded' (default: $LLAMA_CLI, PATH, then embedded)")
    .option('-p, --prompt <text>', 'the prompt')
    .option('-n, --tokens <count>', 'tokens to generate (default: 100)', count)
    .option('-t, --threads <count>', 'threads of the workload', positive)
    .option('-c, --context <tokens>', 'context size', count)
    .addOption(environmentOption())
    .option('--seed <number>', 'seed of the random choice of tokens (default: 1)', count)
    .option('--repack', 'let llama.cpp copy the weights into its own memory; it then reads each of them once')
    .option('--mlock', 'let llama.cpp lock its weights in memory')
    .option('--time-limit <seconds>', 'end the workload after this time', seconds)
    .optionsGroup('Memory pressure:')
    .addOption(
      new Option('--lock <size>', 'lock SIZE of memory').argParser(size).conflicts(['leave', 'limit']),
    )
    .addOption(new Option('--leave <size>', 'lock all memory but SIZE').argParser(size).conflicts('limit'))
    .addOption(
      new Option('--limit <size>', 'keep the workload and its page cache under SIZE').argParser(size),
    )
    .optionsGroup('Page cache:')
    .addOption(
      new Option('--cold', 'evict the model from the page cache first (default)').conflicts(['warm', 'asIs']),
    )
    .addOption(new Option('--warm', 'read the model into the page cache first').conflicts('asIs'))
    .option('--as-is', 'leave the page cache as it is')
    .option('--drop-caches', 'empty the page cache of the whole machine first')
    .option('--readahead <kib>', "set the disk's readahead during the run", count)
    .optionsGroup('What helps:')
    .addOption(
      new Option(
        '--pin <size>',
        "hold SIZE of the model in the page cache; 'auto': as much as memory and readahead allow",
      ).argParser((text) => (text === 'auto' ? text : size(text))),
    )
    .option('--plan <run>', 'with --pin: a run that shows which experts tokens use')
    .option(
      '--stream',
      'with --pin, for dense models: read the rest just before each token needs it (sets readahead to 32)',
    )
    .optionsGroup('What is measured:')
    .option('--repeat <count>', 'make COUNT runs in one folder, and print how far they agree', count, 1)
    .option('--touches', 'also watch what tokens use of the model, hits of the page cache included')
    .addOption(
      new Option(
        '--profile-touches',
        'show what tokens touch: by --touches where that works, else with the smallest memory that works and no readahead',
      ).conflicts(['lock', 'leave', 'limit', 'readahead', 'pin']),
    )
    .option('--account', 'also tell what became of every byte read of the model')
    .argument('[args...]', 'after --: passed to llama.cpp unchanged')
    .action(async (args: string[], flags: RunFlags, command: Command) =>
      (await import('./handlers/run.js')).makeRun(args, flags, command),
    );
  for (const option of traceOptions()) command.addOption(option);
  return command;
}
