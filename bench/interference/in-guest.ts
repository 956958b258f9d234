// Runs inside the guest, sent there as one file: the experiment in turns. Argument: its options as JSON. Prints JSON.
import { inTurns, type Turns } from './in-turns.js';

const turns: Turns = JSON.parse(process.argv.at(-1) as string);
process.stdout.write(JSON.stringify(await inTurns(turns)));
