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
import { type SectionName, sectionNames } from './section-names.js';
import { workloadSection } from './workload-section.js';

type Section = (page: Page, summary: Summary) => void;

/** How each section is printed. */
const printed: Record<SectionName, Section> = {
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

/** The sections in their order. */
export const sections: readonly Section[] = sectionNames.map((name) => printed[name]);

/** Throws BlkscopeError NO_SECTION. */
export function sectionOf(name: string): Section {
  const known = sectionNames.find((each) => each === name);
  if (known) return printed[known];
  throw new BlkscopeError(
    'NO_SECTION',
    `--section: there is no section '${name}'; there are ${sectionNames.join(', ')}`,
  );
}
