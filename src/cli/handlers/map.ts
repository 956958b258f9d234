import { copyContiguously } from '../../api/models.js';
import { mapFile } from '../../map/file-map.js';
import { formatSize } from '../../memory/size.js';
import { renderMap } from '../../report/file-map.js';
import { stdoutScreen } from '../screen.js';
import { withSession } from '../session.js';

export interface MapFlags {
  tensors?: boolean;
  defragment?: string;
  json?: boolean;
}

export async function showMap(
  file: string,
  { tensors = false, defragment, json = false }: MapFlags,
): Promise<void> {
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
