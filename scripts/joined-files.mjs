// Which parts of what is joined share a file, and what such a file holds. Part of scripts/build-joined.mjs.

/** To find and open one more file takes Node as long as to pass over so many bytes that nobody needs. */
const fileBytes = 6_000;

/**
 * The parts by files. `starts`: the parts that are needed together, a set for each thing that can be asked for. Two files become
 * one where that saves the starts that need both more than it costs those that need one of them alone.
 *
 * @param {Map<string, number>} sizes bytes of each part, by its name
 * @param {Set<string>[]} starts
 * @returns {string[][]}
 */
export function sharedFiles(sizes, starts) {
  let files = [...sizes].map(([name, bytes]) => ({
    names: [name],
    bytes,
    neededBy: starts.map((parts) => parts.has(name)),
  }));
  let pairs = files.flatMap((one, i) => files.slice(i + 1).map((other) => pairOf(one, other)));
  for (;;) {
    const best = pairs.reduce((most, pair) => (pair.saved > most.saved ? pair : most), { saved: 0 });
    if (best.saved === 0) return files.map(({ names }) => names);
    const { one, other } = best;
    const both = {
      names: [...one.names, ...other.names],
      bytes: one.bytes + other.bytes,
      neededBy: one.neededBy.map((needed, i) => needed || other.neededBy[i]),
    };
    const left = (file) => file !== one && file !== other;
    files = files.filter(left);
    pairs = pairs.filter((pair) => left(pair.one) && left(pair.other));
    pairs.push(...files.map((file) => pairOf(file, both)));
    files.push(both);
  }
}

function pairOf(one, other) {
  let saved = 0;
  one.neededBy.forEach((needsOne, i) => {
    const needsOther = other.neededBy[i];
    if (needsOne && needsOther) saved += fileBytes;
    else if (needsOne) saved -= other.bytes;
    else if (needsOther) saved -= one.bytes;
  });
  return { one, other, saved };
}

/**
 * A file of parts: a function that gives what a part exports, by its name. A part runs when it is first asked for.
 *
 * @param {{ name: string, code: string }[]} parts in CommonJS; what they share stands in `helpers`
 * @param {string} helpers
 */
export function fileOfParts(parts, helpers) {
  const texts = parts.map(({ name, code }) => `${JSON.stringify(name)}(module){${code}\n}`);
  return `"use strict";${helpers}
const parts={
${texts.join(',\n')}
};
const modules={};
function $part(name){
  if(name in modules)return modules[name].exports;
  const module=modules[name]={exports:{}};
  try{parts[name](module)}catch(error){delete modules[name];throw error}
  return module.exports;
}
module.exports=$part;
`;
}

/**
 * The code of a part, which loads others, and what Node has, where it first uses something of them. `load`: how it names what it
 * loads.
 *
 * @param {string} code as esbuild writes CommonJS
 * @param {(from: string) => string} load
 */
export function loadingLate(code, load) {
  const loads = new Map();
  const declared = code.replace(/\b(import_\w+) = require\("([^"]+)"\)/g, (_, variable, from) => {
    loads.set(variable, load(from));
    return variable;
  });
  return declared.replace(/\b(import_\w+)\./g, (use, variable) =>
    loads.has(variable) ? `(${variable}??=${loads.get(variable)}).` : use,
  );
}
