import { Command } from 'commander';
import type { DoctorFlags } from './handlers/doctor.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .argument('[path]', 'a model or a device', '.')
    .option('--json', 'print the findings as an array')
    .action(async (path: string, flags: DoctorFlags) =>
      (await import('./handlers/doctor.js')).doctor(path, flags),
    );
}
