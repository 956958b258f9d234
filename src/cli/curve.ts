import { Command, Option } from 'commander';
import { given } from '../experiment/trace-options.js';
import { BlkscopeError, type Curve, curve, openRun, readRoutes, renderCurve, routesCurve } from '../index.js';
import { count, size } from './options.js';
import { stdoutScreen } from './screen.js';

interface CurveFlags {
  routes?: string;
  expertSize?: number;
  memory?: number[];
  readahead?: number;
  json?: boolean;
}

export function curveCommand(): Command {
  return new Command('curve')
    .argument('[run]', 'the run folder')
    .addOption(
      new Option('--routes <file>', 'instead of a run: a CSV file with token, layer, expert on each line'),
    )
    .option(
      '--expert-size <size>',
      'with --routes: the size of an expert (default: memory is counted in experts)',
      size,
    )
    .option(
      '--memory <size>',
      'a memory for the model to ask for; may be repeated (default: ten steps)',
      (text: string, before: number[] = []) => [...before, size(text)],
    )
    .option('--readahead <kib>', "readahead of the kernel's cache (default: the run's own)", count)
    .option('--json', 'print everything as JSON')
    .action(run);
}

async function run(path: string | undefined, flags: CurveFlags): Promise<void> {
  const told = await curveFor(path, flags);
  if (flags.json) process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  else process.stdout.write(renderCurve(told, stdoutScreen()));
}

async function curveFor(path: string | undefined, flags: CurveFlags): Promise<Curve> {
  const { routes, expertSize, memory, readahead } = flags;
  if ((path === undefined) === (routes === undefined))
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      'name either a run folder or a file of routes (--routes FILE.csv)',
    );
  if (routes !== undefined) {
    if (readahead !== undefined)
      throw new BlkscopeError(
        'BAD_ARGUMENT',
        '--readahead needs a run: routes tell nothing of places in a file',
      );
    const touches = await readRoutes(routes, expertSize ?? 1);
    return routesCurve(routes, touches, memory, expertSize === undefined ? 'experts' : 'bytes');
  }
  if (expertSize !== undefined)
    throw new BlkscopeError(
      'BAD_ARGUMENT',
      "--expert-size needs --routes: a run's model tells the size of its experts",
    );
  await using opened = await openRun(path as string);
  return await curve(opened, given({ memory, readAheadKib: readahead }));
}
