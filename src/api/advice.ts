import type { AdviseOptions } from '../advise/advise.js';
import type { Advice } from '../advise/changes.js';
import type { Verified, VerifyOptions } from '../advise/verify.js';
import type { CurveOptions } from '../curve/curve.js';
import type { Curve } from '../curve/curve-result.js';
import type { ExpertTouches } from '../curve/touch-columns.js';
import type { Run } from '../store/open-run.js';
import { asked } from './asked.js';

/**
 * What limits a run and what would help, by a model of the page cache that is fed with what the tokens touched.
 *
 * @throws BlkscopeError: BAD_ARGUMENT; NO_HEAT: no model, or no token known; NO_ADVICE: figures that the run lacks; OTHER_MODEL; what `readModel`
 * throws for the run's model.
 * @example
 * const { verdict, changes } = await advise(run);
 * console.log(verdict, changes[0]?.title, changes[0]?.tokensPerSecond.likely);
 */
export async function advise(run: Run, options: AdviseOptions = {}): Promise<Advice> {
  const asks = await asked<AdviseOptions>('advising', options, 'advise');
  return (await import('../advise/advise.js')).advise(run, asks);
}

/**
 * Makes an advised run again with its best changes, another seed and another prompt, one run each, beside it as `RUN-advice-1` and so on.
 *
 * @throws BlkscopeError: BAD_ARGUMENT; NOT_VERIFIABLE: `runExperiment` did not make the run; FOREIGN_RUN; what `runExperiment` throws; a run's
 * problem.
 * @example
 * const tried = await verify(run, await advise(run), { best: 1 });
 * console.log(tried[0]?.tokensPerSecond);
 */
export async function verify(run: Run, advice: Advice, options: VerifyOptions = {}): Promise<Verified[]> {
  const asks = await asked<VerifyOptions>('verifying', options, 'verify');
  return (await import('../advise/verify.js')).verify(run, advice, asks);
}

/**
 * What memories of different sizes would read for a token of this run's model, by policy of eviction: from what its tokens touched. The
 * earlier half of the tokens fills the caches and chooses what is pinned; the later half is counted.
 *
 * @throws BlkscopeError: BAD_ARGUMENT; NO_HEAT; NOT_GGUF; what `readModel` throws.
 * @example
 * const { points } = await curve(run, { memory: ['2G', '4G'] });
 */
export async function curve(
  run: Run,
  options: Omit<CurveOptions, 'memory'> & { memory?: readonly (number | string)[] } = {},
): Promise<Curve> {
  const asks = await asked<CurveOptions>('curving', options, 'curve');
  return (await import('../curve/curve.js')).curve(run, asks);
}

/**
 * The same of routes alone: caches of whole experts, `bytes` each (left out: memory is counted in experts).
 *
 * @example
 * const touches = await readRoutes('routes.csv', 1);
 * console.log(renderCurve(await routesCurve('routes.csv', touches, [64, 128, 256], 'experts')));
 */
export async function routesCurve(
  path: string,
  touches: ExpertTouches,
  memory: readonly number[] | undefined,
  unit: Curve['unit'],
): Promise<Curve> {
  return (await import('../curve/curve.js')).routesCurve(path, touches, memory, unit);
}
