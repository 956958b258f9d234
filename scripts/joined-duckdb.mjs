// DuckDB's module for the command line, as one file: Node takes longer to find its 200 files than to run them. A program that
// uses the API gets the module that is installed, of whose classes its own values are. Part of scripts/build-joined.mjs.
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const installed = '@duckdb/node-api';
const chooser = 'duckdb.cjs';

/** What the joined files load for DuckDB's module. */
export function loadingDuckdb(code) {
  return code.replaceAll(`require("${installed}")`, `require("./${chooser}")`);
}

/**
 * Writes both into a folder beside cli/. Returns the names of the sources.
 *
 * @param {string} root of the package
 * @param {string} folder
 */
export async function joinDuckdb(root, folder) {
  const { metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: `module.exports = require('${installed}');`, resolveDir: root },
    outfile: `${folder}/duckdb-api.cjs`,
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    external: ['@duckdb/node-bindings'],
    metafile: true,
    logLevel: 'warning',
  });
  const main = "require('node:path').join(__dirname, '../cli/main.js')";
  writeFileSync(
    `${folder}/${chooser}`,
    `module.exports = require.main?.filename === ${main} ? require('./duckdb-api.cjs') : require('${installed}');\n`,
  );
  return Object.keys(metafile.inputs);
}
