import {
  type Declaration,
  type Figures,
  type ListedFigure,
  listed,
  type Unit,
  valueAt,
} from '../figures/figure.js';
import * as format from './format.js';

/** How a figure's value looks, by its unit; figures of other units have a section of their own. */
const looks: Partial<Record<Unit, (value: number) => string>> = {
  ...{ count: format.count, sectors: format.count, pages: format.count },
  ...{ bytes: format.size, meanBytes: (bytes: number) => format.size(Math.round(bytes)) },
  KiB: (kib) => `${kib} KiB`,
  ...{ ns: format.seconds, meanNs: format.seconds },
  ...{ share: format.percent, factor: format.factor },
  ...{ bytesPerSecond: format.rate, perSecond: format.decimal, number: format.decimal },
};

/** A figure's value by its unit. */
export function shownValue(unit: Unit, value: number): string {
  return (looks[unit] ?? String)(value);
}

/** The places that name what they show of a figure. */
type Place = 'compare' | 'phases' | 'regions';

/** What a place shows under one name: of several figures the first that is known. */
export interface ToldFigure {
  name: string;
  value: (values: unknown) => number | null;
  show: (value: number) => string;
  unit: Unit;
}

/** The figures of a list that stand at the end of a section of the report, by what they are. */
export function toldInSection(section: Declaration['section'], list: Figures): ToldFigure[] {
  return listed(list)
    .filter(({ figure }) => figure.section === section)
    .map((entry) => told(entry.figure.label, [entry]));
}

/** The figures of a list that a place shows, in its order. */
export function toldIn(place: Place, list: Figures): ToldFigure[] {
  const byName = new Map<string, ListedFigure[]>();
  for (const entry of listed(list)) {
    const name = entry.figure[place];
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), entry]);
  }
  return [...byName].map(([name, figures]) => told(name, figures));
}

function told(name: string, figures: readonly ListedFigure[]): ToldFigure {
  const { unit } = (figures[0] as ListedFigure).figure;
  return { name, value: (values) => firstKnown(figures, values), show: looks[unit] ?? String, unit };
}

/** Where the model's own are told, a figure of it that is null is not told by the whole disk's. */
function firstKnown(figures: readonly ListedFigure[], values: unknown): number | null {
  const ofModel = figures.filter(({ key }) => {
    const of = key.startsWith('model.') ? valueAt(values, key.slice(0, key.lastIndexOf('.'))) : null;
    return typeof of === 'object' && of !== null;
  });
  const told = ofModel.length > 0 ? ofModel : figures;
  const known = told.map(({ key }) => valueAt(values, key)).find((value) => typeof value === 'number');
  return known === undefined ? null : (known as number);
}
