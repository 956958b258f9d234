import type { Command } from 'commander';
import { coloured } from './screen.js';

const loaders: Record<string, () => Promise<Command>> = {
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  run: async () => (await import('./run.js')).runCommand(),
  record: async () => (await import('./record.js')).recordCommand(),
  import: async () => (await import('./import.js')).importCommand(),
  report: async () => (await import('./report.js')).reportCommand(),
  compare: async () => (await import('./compare.js')).compareCommand(),
  plot: async () => (await import('./plot.js')).plotCommand(),
  sweep: async () => (await import('./sweep.js')).sweepCommand(),
  map: async () => (await import('./map.js')).mapCommand(),
  export: async () => (await import('./export.js')).exportCommand(),
  query: async () => (await import('./query.js')).queryCommand(),
  lock: async () => (await import('./lock.js')).lockCommand(),
  pin: async () => (await import('./pin.js')).pinCommand(),
  advise: async () => (await import('./advise.js')).adviseCommand(),
  synthesize: async () => (await import('./synthesize.js')).synthesizeCommand(),
  curve: async () => (await import('./curve.js')).curveCommand(),
  recover: async () => (await import('./recover.js')).recoverCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
};

/** Loaded when asked for: DuckDB, zod and the like take longer to load than most commands take. */
export const commands: Record<string, () => Promise<Command>> = Object.fromEntries(
  Object.entries(loaders).map(([name, load]) => [name, async () => coloured(await load())]),
);
