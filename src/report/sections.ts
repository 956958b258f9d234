import { BlkscopeError } from '../errors.js';
import type { Summary } from '../figures/summary-schema.js';
import { accountSection } from './account-section.js';
import { boundSection } from './bound-section.js';
import { contentionSection } from './contention.js';
import { bandwidth, deviceReads, gaps, integrity, latency, modelReads, sizes } from './disk-sections.js';
import { memory, tracer } from './machine-sections.js';
import type { Page } from './page.js';
import {
  heat,
  hottestExperts,
  hottestLayers,
  neverRead,
  otherModels,
  phases,
  roles,
} from './regions-section.js';
import { workloadSection } from './workload-section.js';

type Section = (page: Page, summary: Summary) => void;

/** The sections of the whole report, in their order, by the names that `report --section` takes. */
export const sections: Record<string, Section> = {
  integrity,
  model: modelReads,
  bound: boundSection,
  account: accountSection,
  phases,
  roles,
  layers: hottestLayers,
  experts: hottestExperts,
  heat,
  'never-read': neverRead,
  others: otherModels,
  device: deviceReads,
  order: gaps,
  latency,
  sizes,
  bandwidth,
  workload: workloadSection,
  memory,
  contention: contentionSection,
  cost: tracer,
};

/** Throws BlkscopeError NO_SECTION. */
export function sectionOf(name: string): Section {
  const found = Object.hasOwn(sections, name) ? sections[name] : undefined;
  if (found) return found;
  throw new BlkscopeError(
    'NO_SECTION',
    `--section: there is no section '${name}'; there are ${Object.keys(sections).join(', ')}`,
  );
}
