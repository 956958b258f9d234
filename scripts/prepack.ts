// Before npm packs: refuses a package that some machines could not load.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { prebuildFaults } from './prebuild-stamp.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const faults = prebuildFaults();
if (!existsSync(`${root}dist/index.js`)) faults.push('dist/ is missing: npm run build:ts');
for (const fault of faults) console.error(`prepack: ${fault}`);
if (faults.length > 0) {
  console.error("prepack: nothing is packed; run 'npm run prebuilds', then pack again");
  process.exit(1);
}
