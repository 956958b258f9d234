// Writes a run's events without end into the run folder given; a test kills it.
import { RunFolder } from '../../../src/run/run-folder.js';
import { StoreWriter } from '../../../src/store/store.js';
import { eventsOf, names } from './stored-run.js';

const folder = RunFolder.begin(process.argv[2] as string);
const store = await StoreWriter.create(folder.file('trace.duckdb'), names);
const batch = eventsOf(
  Array.from({ length: 32768 }, (_, i) => ({ time: 1000 + i, sector: i * 7919, sectors: 8 })),
);
await store.writeTrace(
  (function* () {
    for (;;) yield batch;
  })(),
);
