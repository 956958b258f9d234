import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { BlkscopeError } from '../errors.js';
import { PartialFolder } from '../files/partial.js';
import { memoryState } from '../machine/machine.js';
import { quoted } from './sql-text.js';

/** Nothing is installed or loaded for what a file of somebody else's asks for. */
export const noExtensions = {
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
};

const mostMemory = 2 * 2 ** 30;
const mostSpilled = '32GB';

/** A database in memory, for reading runs, and the folder of its own where it puts what memory does not hold. */
export class ReadingDatabase {
  private constructor(
    readonly instance: DuckDBInstance,
    readonly connection: DuckDBConnection,
    private readonly scratch: PartialFolder | null,
  ) {}

  static async open(): Promise<ReadingDatabase> {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    // In $TMPDIR, else /tmp, and not beside the run, where there may be no room or no right to write.
    const scratch = scratchFolder();
    try {
      const instance = await DuckDBInstance.create(':memory:', {
        ...noExtensions,
        ...(scratch
          ? { temp_directory: scratch.file('spill'), max_temp_directory_size: mostSpilled }
          : { temp_directory: '' }),
        memory_limit: `${Math.min(mostMemory, Math.floor(memoryState().availableBytes / 2))}B`,
      });
      return new ReadingDatabase(instance, await instance.connect(), scratch);
    } catch (error) {
      scratch?.discard();
      throw error;
    }
  }

  /**
   * From here on no query reads or writes a file but in `folders` (and `files`), loads an extension, or changes these
   * settings.
   */
  async lock(folders: readonly string[] = [], files: readonly string[] = []): Promise<void> {
    const list = (paths: readonly string[]) => `[${paths.map(quoted).join(', ')}]`;
    await this.connection.run(
      `SET allowed_directories = ${list(folders)}; SET allowed_paths = ${list(files)};
       SET enable_external_access = false; SET lock_configuration = true`,
    );
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
    this.scratch?.discard();
  }
}

/**
 * Ends what a connection does after a time: what a file of somebody else's makes of a query may take for ever. Throws
 * BlkscopeError TIME_LIMIT, which names `what` is done.
 */
export async function withinTime<T>(
  connection: DuckDBConnection,
  ms: number,
  what: string,
  action: () => Promise<T>,
): Promise<T> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.interrupt();
  }, ms);
  try {
    return await action();
  } catch (error) {
    if (!late) throw error;
    throw new BlkscopeError('TIME_LIMIT', `${what}: it took more than ${ms / 1000} s and was ended`, 'busy', {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** null where the native part cannot be loaded, which makes such folders safe: a query then has memory alone. */
function scratchFolder(): PartialFolder | null {
  try {
    return PartialFolder.beside(join(tmpdir(), 'blkscope-query'));
  } catch (error) {
    if ((error as { code?: string }).code === 'NO_NATIVE') return null;
    throw error;
  }
}
