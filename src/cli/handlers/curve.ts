import { curve } from '../../api/advice.js';
import { routesCurve } from '../../curve/curve.js';
import type { Curve } from '../../curve/curve-result.js';
import { readRoutes } from '../../curve/routes-file.js';
import { BlkscopeError } from '../../errors.js';
import { given } from '../../experiment/trace-options.js';
import { renderCurve } from '../../report/curve.js';
import { openRun } from '../../store/open-run.js';
import { stdoutScreen } from '../screen.js';

export interface CurveFlags {
  routes?: string;
  expertSize?: number;
  memory?: number[];
  readahead?: number;
  json?: boolean;
}

export async function tellCurve(path: string | undefined, flags: CurveFlags): Promise<void> {
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
