/** The sections of the whole report, in their order. `report --section` takes them. */
export const sectionNames = [
  'integrity',
  'model',
  'bound',
  'account',
  'phases',
  'roles',
  'layers',
  'experts',
  'heat',
  'never-read',
  'others',
  'device',
  'order',
  'latency',
  'sizes',
  'bandwidth',
  'workload',
  'memory',
  'contention',
  'cost',
] as const;
export type SectionName = (typeof sectionNames)[number];

/** Of a run that watched what tokens use; it is worked out from the stored touches, and so no part of the summary. */
export const curveSection = 'curve';
