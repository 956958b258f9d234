import { Command } from 'commander';
import { diagnose, type Finding } from '../doctor/diagnose.js';
import { BlkscopeError } from '../errors.js';
import { type Style, styleFor } from '../report/style.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('tell what works on this machine for a file or device, what is missing, and how to get it')
    .argument('[path]', 'a model or a device', '.')
    .option('--json', 'print the findings as an array')
    .action(async (path: string, flags: { json?: boolean }) => {
      const findings = await diagnose(path);
      const text = flags.json
        ? JSON.stringify(findings, null, 2)
        : render(findings, styleFor(process.stdout));
      process.stdout.write(`${text}\n`);
      const missing = findings.filter(({ state }) => state === 'missing');
      if (missing.length > 0) {
        const names = missing.map(({ name }) => name).join(', ');
        throw new BlkscopeError(
          'NOT_READY',
          `a run would not work here (${names}); the lines above say what to do`,
          'unsupported',
        );
      }
    });
}

function render(findings: readonly Finding[], style: Style): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const marks = { found: 'found  ', missing: style.warn('missing'), note: 'note   ' };
  return findings
    .flatMap(({ name, state, detail, mend }) => [
      `${marks[state]}  ${name.padEnd(width)}  ${detail}`,
      ...(mend ? [`${' '.repeat(width + 11)}-> ${mend}`] : []),
    ])
    .join('\n');
}
