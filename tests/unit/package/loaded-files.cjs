// With `node --require`: prints on stderr, as JSON, every file that is loaded, when the process ends.
const { Module } = require('node:module');

const loaded = new Set();
const { load } = Module.prototype;
Module.prototype.load = function (path) {
  loaded.add(path);
  return load.call(this, path);
};
// So the command line loads the joined files.
const vm = require('node:vm');
vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    loaded.add(options.filename);
  }
};
process.on('exit', () => require('node:fs').writeSync(2, `${JSON.stringify([...loaded])}\n`));
