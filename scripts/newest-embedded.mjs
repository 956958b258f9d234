// Makes `import 'node-llama-cpp'` find the one that scripts/engines.mjs has fetched, in every process below.
import { register } from 'node:module';
import { pathToFileURL } from 'node:url';

const source = `
import { pathToFileURL } from 'node:url';
const parent = pathToFileURL(${JSON.stringify(process.env.BLKSCOPE_NEWEST_EMBEDDED ?? '.')} + '/').href;
export const resolve = (specifier, context, next) =>
  next(specifier, specifier === 'node-llama-cpp' ? { ...context, parentURL: parent } : context);
`;
register(`data:text/javascript,${encodeURIComponent(source)}`, pathToFileURL('./'));
