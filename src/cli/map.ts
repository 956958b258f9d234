import { Command } from 'commander';
import { copyContiguously, formatSize, mapFile, renderMap } from '../index.js';
import { stdoutScreen } from './screen.js';
import { withSession } from './session.js';

interface MapFlags {
  tensors?: boolean;
  defragment?: string;
  json?: boolean;
}

export function mapCommand(): Command {
  return new Command('map')
    .argument('<file>', 'a model, or any file')
    .option('--tensors', 'list every tensor')
    .option(
      '--defragment <copy>',
      'write a copy in as few pieces as the file system allows, and show that too',
    )
    .option('--json', 'print the maps as an array')
    .action(run);
}

async function run(file: string, { tensors = false, defragment, json = false }: MapFlags): Promise<void> {
  const maps = [await mapFile(file)];
  if (defragment !== undefined) {
    await withSession(({ progress, signal }) => {
      progress.step(`copy ${file} to ${defragment}`);
      const onProgress = (done: number, total: number) =>
        progress.update(`${formatSize(done)} of ${formatSize(total)}`);
      return copyContiguously(file, defragment, { onProgress, signal });
    });
    maps.push(await mapFile(defragment));
  }
  const screen = stdoutScreen();
  process.stdout.write(
    json
      ? `${JSON.stringify(maps, null, 2)}\n`
      : maps.map((map) => renderMap(map, { tensors, screen })).join('\n'),
  );
}
