import { diagnose, type Finding } from '../../doctor/diagnose.js';
import { BlkscopeError } from '../../errors.js';
import { greatest } from '../../extremes.js';
import { widthOf, wrapped } from '../../report/fit.js';
import { printable } from '../../report/printable.js';
import type { Screen } from '../../report/screen.js';
import { stdoutScreen } from '../screen.js';

export interface DoctorFlags {
  json?: boolean;
}

export async function doctor(path: string, flags: DoctorFlags): Promise<void> {
  const findings = await diagnose(path);
  const text = flags.json ? JSON.stringify(findings, null, 2) : render(findings, stdoutScreen());
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
}

function render(findings: readonly Finding[], { style, columns }: Screen): string {
  const nameWidth = greatest(findings.map(({ name }) => widthOf(name)));
  const marks = { found: style.good('found  '), missing: style.warn('missing'), note: 'note   ' };
  const indent = ' '.repeat(nameWidth + 11);
  const below = (text: string) => wrapped(printable(text), columns - nameWidth - 11);
  return findings
    .flatMap(({ name, state, detail, mend }) => {
      const [first = '', ...rest] = below(detail);
      const told = mend ? below(`-> ${mend}`) : [];
      return [
        `${marks[state]}  ${name.padEnd(nameWidth)}  ${first}`,
        ...[...rest, ...told].map((line) => indent + line),
      ];
    })
    .join('\n');
}
