// Pipes, devices and folders where a file is wanted, and files where a folder is: one line, exit code 2, at once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exitCodes } from '../../../src/errors.js';
import { blkscope } from '../../host/command-line.js';
import { writeStoredRun } from '../store/stored-run.js';

const folder = mkdtempSync(join(tmpdir(), 'blkscope-not-files-'));
const places = {
  pipe: join(folder, 'pipe'),
  folder: join(folder, 'folder'),
  device: '/dev/zero',
  socket: join(folder, 'socket'),
};
const root = process.getuid?.() === 0;
const server = createServer();

before(async () => {
  execFileSync('mkfifo', [places.pipe]);
  mkdirSync(places.folder);
  await once(server.listen(places.socket), 'listening');
  await writeStoredRun(join(folder, 'run'), [{ time: 1000, sector: 8, sectors: 8 }], 8);
  writeFileSync(join(folder, 'file'), 'a file');
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** X stands for what is no file. */
const lines: readonly string[] = [
  ...['report X', 'compare X', 'plot X --kind gaps -o out.svg', 'export X --format csv', 'query X FROM_io'],
  ...[
    'advise X',
    'curve X',
    'curve --routes X',
    'sweep X',
    'import t --file X',
    'import t --model X',
    'import X',
  ],
  ...[
    'pin -m X --dry-run',
    'synthesize --preset tiny-llama --force -o X',
    'synthesize --preset tiny-llama -o X',
  ],
  ...['report run --html X', 'export run --format csv -o X', 'plot run --kind gaps -o X/x.svg'],
];
const asRoot: readonly string[] = ['run -m X', 'run --repeat-of X', 'record --file X'];

/** A pipe is a trace too, and waited for. */
const mayBePipe = /^import X/;

/** A folder is what these may be given. */
const mayBeFolder = /^(export run --format csv -o|plot run)/;

test('what is no file is told as that by every command, and waited for by none', {
  timeout: 240_000,
}, async () => {
  const queue = Object.entries(places).flatMap(([kind, path]) =>
    [...lines, ...(root ? asRoot : []), 'map X'].flatMap((line) =>
      (kind === 'folder' && (mayBeFolder.test(line) || line === 'map X')) ||
      (kind === 'pipe' && mayBePipe.test(line))
        ? []
        : [[line, path] as const],
    ),
  );
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await refuses(...next);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  assert.ok(statSync(places.pipe).isFIFO(), 'nothing took its place');
  assert.ok(statSync(places.device).isCharacterDevice());
  const runs = join(folder, 'runs');
  assert.deepEqual(existsSync(runs) ? readdirSync(runs) : [], []);
});

test('a link that leads nowhere is something, too, which is not replaced unasked', async () => {
  const link = join(folder, 'link');
  symlinkSync('nowhere', link);
  const { exitCode, stderr } = await blkscope(['synthesize', '--preset', 'tiny-llama', '-o', link]);
  assert.equal(exitCode, exitCodes.usage);
  assert.match(stderr, /^blkscope: \S+link exists already;[^\n]+\n$/);
  assert.ok(lstatSync(link).isSymbolicLink());
});

async function refuses(line: string, path: string): Promise<void> {
  const args = line.split(' ').map((word) => word.replace(/^X/, path).replace('FROM_io', 'FROM io'));
  const { exitCode, stderr, stdout } = await blkscope(args, { cwd: folder });
  const told = `blkscope ${args.join(' ')}: ${stderr}`;
  assert.equal(exitCode, exitCodes.usage, told);
  assert.equal(stdout, '', told);
  // Steps of what is done come before it.
  assert.match(stderr, /^(blkscope: (check|make|find|import)[^\n]*\n)?blkscope: [^\n]+\n$/, told);
}
