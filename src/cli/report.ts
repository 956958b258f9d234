import { Command, Option } from 'commander';
import { curveSection, sectionNames } from '../report/section-names.js';
import type { ReportFlags } from './handlers/report.js';
import { collect } from './options.js';

export function reportCommand(): Command {
  return new Command('report')
    .argument('<run>', 'the run folder')
    .option('--json', 'print summary.json')
    .addOption(new Option('--all', 'print every section').conflicts('section'))
    .option(
      '--section <name>',
      `print one section: ${[...sectionNames, curveSection].join(', ')}; can be repeated`,
      collect,
    )
    .option('--html <file>', 'write a page with figures: one file, for any browser')
    .option('--regions', 'print every tensor, layer, role and expert, and what was never read')
    .option(
      '--naive',
      'print what a script would find that counts every event as a read, beside the right figures',
    )
    .action(async (path: string, flags: ReportFlags) =>
      (await import('./handlers/report.js')).report(path, flags),
    );
}
