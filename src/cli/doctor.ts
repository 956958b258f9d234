import { Command } from 'commander';
import type { DoctorFlags } from './work/doctor.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .argument('[path]', 'a model or a device', '.')
    .option('--json', 'print the findings as an array')
    .action(async (path: string, flags: DoctorFlags) =>
      (await import('./work/doctor.js')).doctor(path, flags),
    );
}
