#!/usr/bin/env node
// What prebuildify calls instead of node-gyp: builds the addon with cmake-js where prebuildify looks for it.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
process.exit(spawnSync(process.execPath, [cmakeJs, 'rebuild'], { stdio: 'inherit' }).status ?? 1);
