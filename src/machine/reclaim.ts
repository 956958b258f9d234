import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kernelText } from '../files/kernel-text.js';

/** How the kernel of a machine evicts, where that is a setting. */
export interface ReclaimConfig {
  /** It evicts by generations (MGLRU) instead of two lists; null: it has none. */
  generations: boolean | null;
  /** Each: who evicts before memory is short, and what. */
  ahead: string[];
}

/** Source: `lru_gen` and `damon` below /sys/kernel/mm, and the parameters of the module damon_reclaim. */
export function reclaimConfig(sys = '/sys'): ReclaimConfig {
  const generations = kernelText(join(sys, 'kernel/mm/lru_gen/enabled'));
  return {
    generations: generations === null ? null : (Number.parseInt(generations, 16) & 1) === 1,
    ahead: [...damonReclaim(join(sys, 'module/damon_reclaim/parameters')), ...damonSchemes(sys)],
  };
}

function damonReclaim(parameters: string): string[] {
  if (kernelText(join(parameters, 'enabled')) !== 'Y') return [];
  return [`DAMON evicts what nobody used for ${seconds(Number(kernelText(join(parameters, 'min_age'))))}`];
}

function damonSchemes(sys: string): string[] {
  const daemons = join(sys, 'kernel/mm/damon/admin/kdamonds');
  return folders(daemons)
    .filter((daemon) => kernelText(join(daemon, 'state')) === 'on')
    .flatMap((daemon) => folders(join(daemon, 'contexts')))
    .flatMap((context) =>
      folders(join(context, 'schemes'))
        .filter((scheme) => kernelText(join(scheme, 'action')) === 'pageout')
        .map((scheme) => {
          const looks = Number(kernelText(join(scheme, 'access_pattern/age/min')));
          const apartUs = Number(kernelText(join(context, 'monitoring_attrs/intervals/aggr_us')));
          return `DAMON evicts ${keptMapped(scheme) ? 'unmapped pages' : 'what'} nobody used for ${seconds(looks * apartUs)}`;
        }),
    );
}

/** Whether its filters let it evict only what no process maps. */
function keptMapped(scheme: string): boolean {
  return folders(join(scheme, 'ops_filters')).some(
    (filter) => kernelText(join(filter, 'type')) === 'unmapped' && kernelText(join(filter, 'allow')) === 'Y',
  );
}

function seconds(us: number): string {
  return `${Math.round(us / 1e6)} s`;
}

/** The numbered folders below one. */
function folders(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => /^\d+$/.test(name))
      .map((name) => join(path, name));
  } catch {
    return []; // a kernel without it
  }
}

/** Why a prediction of the page cache holds only roughly on this machine; null: it has what is modelled, or nobody knows. */
export function unmodelled(reclaim: ReclaimConfig | undefined): string | null {
  if (!reclaim?.generations) return null;
  return "the machine's kernel evicts by generations (MGLRU), and what is said of the kernel here is made for two lists: take it for a guess";
}
