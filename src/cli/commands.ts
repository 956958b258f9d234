import type { Command } from 'commander';
import { commandPages } from './command-pages.js';
import { dressed } from './dressed.js';
import type { ListedCommand } from './listed.js';

/** All commands. Loaded when asked for: DuckDB, zod and the like take longer to load than most commands take. */
export const commandList: Record<string, ListedCommand> = {
  doctor: {
    about: 'tell what works on this machine for a file or device, what is missing, and how to get it',
    examples: ['blkscope doctor model.gguf', 'blkscope doctor /dev/nvme0n1 --json'],
    load: async () => (await import('./doctor.js')).doctorCommand(),
  },
  run: {
    about: 'run llama.cpp on a model, with the memory that you choose, and trace the disk meanwhile',
    examples: [
      'sudo blkscope run -m model.gguf --limit 2G',
      'sudo blkscope run -m model.gguf --leave 4G -n 100 --repeat 3',
      'sudo blkscope run -m model.gguf --limit 2G --pin auto -- --temp 0',
    ],
    load: async () => (await import('./run.js')).runCommand(),
    program: true,
  },
  record: {
    about: 'trace any command, a process that runs, or devices for some time',
    examples: [
      'sudo blkscope record --file model.gguf -- llama-server -m model.gguf',
      'sudo blkscope record --attach 1234 --duration 60',
      'sudo blkscope record -d nvme0n1 --duration 10',
    ],
    load: async () => (await import('./record.js')).recordCommand(),
    program: true,
  },
  import: {
    about: "make a run from a saved trace: blktrace's files, a piped stream, or a dump of blkparse -d",
    examples: [
      'blkscope import trace',
      'blkscope import trace.blktrace.0 --file model.gguf -o runs/imported',
      'blktrace -d /dev/vda -o - | blkscope import -',
    ],
    load: async () => (await import('./import.js')).importCommand(),
  },
  report: {
    about: 'print the report of a finished run',
    examples: [
      'blkscope report runs/one',
      'blkscope report runs/one --all',
      'blkscope report runs/one --html one.html',
    ],
    load: async () => (await import('./report.js')).reportCommand(),
  },
  compare: {
    about: 'show runs, or groups of repeated runs, side by side, with the change from the first',
    examples: ['blkscope compare runs/one runs/two', 'blkscope compare runs/sweep --json'],
    load: async () => (await import('./compare.js')).compareCommand(),
  },
  top: {
    about: 'show who reads which file, how fast and in what order, until q is pressed; makes no run',
    examples: ['sudo blkscope top', 'sudo blkscope top /dev/vda', 'sudo blkscope top --attach 1234'],
    load: async () => (await import('./top.js')).topCommand(),
  },
  plot: {
    about: 'write a figure of runs as SVG, and its data as CSV beside it',
    examples: [
      'blkscope plot runs/one --kind access -o access.svg',
      'blkscope plot runs/sweep --kind cliff -o cliff.svg',
    ],
    load: async () => (await import('./plot.js')).plotCommand(),
  },
  sweep: {
    about: 'make every run that a file lists, continue after an interruption, and compare the runs',
    examples: ['sudo blkscope sweep sweep.yaml', 'sudo blkscope sweep sweep.yaml --mount'],
    load: async () => (await import('./sweep.js')).sweepCommand(),
  },
  map: {
    about: 'show where a file, and the tensors of a model, lie on the disk',
    examples: ['blkscope map model.gguf', 'blkscope map model.gguf --tensors'],
    load: async () => (await import('./map.js')).mapCommand(),
  },
  export: {
    about: 'write a run as files that other programs read',
    examples: [
      'blkscope export runs/one --format parquet -o dataset',
      'blkscope export runs/one --format csv --table io -o io.csv',
    ],
    load: async () => (await import('./export.js')).exportCommand(),
  },
  query: {
    about: "run SQL on a run, or on many ('runs/*'); docs/store.md lists the tables",
    examples: [
      "blkscope query runs/one 'SELECT * FROM latency'",
      "blkscope query 'runs/*' 'SELECT run, count(*) FROM io GROUP BY run' --csv",
    ],
    load: async () => (await import('./query.js')).queryCommand(),
  },
  lock: {
    about: 'hold locked memory while a command runs, or until Ctrl-C',
    examples: ['sudo blkscope lock 15G', 'sudo blkscope lock 15G -- llama-cli -m model.gguf -p Hello'],
    load: async () => (await import('./lock.js')).lockCommand(),
    program: true,
  },
  pin: {
    about: 'hold the best part of a model in the page cache while a command runs, or until Ctrl-C',
    examples: [
      'sudo blkscope pin -m model.gguf --budget 1G',
      'sudo blkscope pin -m model.gguf --budget 1G --plan runs/one -- ./server.sh',
    ],
    load: async () => (await import('./pin.js')).pinCommand(),
    program: true,
  },
  advise: {
    about: 'say what limits a run, and what each change that helps would give',
    examples: ['blkscope advise runs/one', 'sudo blkscope advise runs/one --verify'],
    load: async () => (await import('./advise.js')).adviseCommand(),
  },
  synthesize: {
    about: 'make a model of random weights in the shape of a real one, for experiments without the real one',
    examples: [
      'blkscope synthesize --preset gpt-oss-1b --bytes 1500M -o model.gguf',
      'blkscope synthesize --preset llama-2-7b -o model.gguf',
    ],
    load: async () => (await import('./synthesize.js')).synthesizeCommand(),
  },
  curve: {
    about: 'say what memories of different sizes would read for a token, by policy of eviction',
    examples: ['blkscope curve runs/one', 'blkscope curve --routes routes.csv --expert-size 1.6M'],
    load: async () => (await import('./curve.js')).curveCommand(),
  },
  recover: {
    about: 'undo what a killed session left on the machine',
    examples: ['sudo blkscope recover', 'sudo blkscope recover /data/runs'],
    load: async () => (await import('./recover.js')).recoverCommand(),
  },
  completion: {
    about: 'print what lets a shell complete the commands and options of blkscope',
    examples: [
      'source <(blkscope completion bash)',
      'blkscope completion zsh > ~/.zfunc/_blkscope',
      'blkscope completion fish > ~/.config/fish/completions/blkscope.fish',
    ],
    load: async () =>
      (await import('./completion.js')).completionCommand(() => commandPages(commandList, commands)),
  },
  demo: {
    about: 'make a small model and run it with enough memory, with too little, and as advised',
    examples: ['sudo blkscope demo', 'sudo blkscope demo --dir /data/runs --size 1G'],
    load: async () => (await import('./demo.js')).demoCommand(),
  },
};

/** The commands as commander knows them, with what all have. */
export const commands: Record<string, () => Promise<Command>> = Object.fromEntries(
  Object.entries(commandList).map(([name, listed]) => [
    name,
    async () => dressed(await listed.load(), listed),
  ]),
);
