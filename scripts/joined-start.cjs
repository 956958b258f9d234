// Starts the command line; build-joined.mjs puts it into dist/cli/main.js. Compiling takes V8 a third of a start. So what it has
// compiled for a command is kept beside the joined files: who may write there could write these, too.
//
// build: a name for what is in the joined files. first: the file to load. importer: the one that Node itself has to load. kept: the
// commands that this is done for.
function $start(build, first, importer, kept) {
  const folder = __dirname.replace(/cli$/, 'joined/');
  const command = process.argv[2];
  if (!kept.includes(command)) return require(folder + first);

  const fs = require('node:fs');
  const { Script } = require('node:vm');
  const place = `${folder}code/${process.version}-${process.versions.v8}-${process.arch}`;
  const path = `${place}/${command}`;
  const before = codeKept();
  const modules = {};
  const scripts = {};
  loading.main = require.main;
  process.on('exit', (code) => {
    if (code === 0 && Object.keys(scripts).some((name) => !before[name])) keep();
  });
  return load(first);

  /** As Node loads a file in CommonJS. */
  function load(name) {
    if (modules[name]) return modules[name].exports;
    const module = (modules[name] = { exports: {} });
    const filename = folder + name;
    const source = fs.readFileSync(filename, 'utf8');
    const script = (scripts[name] = new Script(
      `(function(require,module,__filename,__dirname){${source}\n})`,
      { filename, cachedData: before[name] },
    ));
    script.runInThisContext()(loading, module, filename, folder);
    return module.exports;
  }

  function loading(from) {
    if (!from.startsWith('./')) return require(from);
    const name = from.slice(2);
    return name === importer ? require(folder + name) : load(name);
  }

  /** What V8 made of each file when the command ran before, as far as it is of this build. */
  function codeKept() {
    try {
      const bytes = fs.readFileSync(path);
      const end = bytes.indexOf('\n') + 1;
      const head = JSON.parse(bytes.latin1Slice(0, end));
      if (head.build !== build) return {};
      return Object.fromEntries(
        head.files.map(([name, from, to]) => [name, bytes.subarray(end + from, end + to)]),
      );
    } catch {
      return {};
    }
  }

  /** Nothing is kept where that is not possible, nor in a package of somebody else's, who may lay links there. */
  function keep() {
    const partial = `${path}.${process.pid}`;
    let file;
    try {
      if (fs.lstatSync(folder).uid !== process.geteuid()) return;
      fs.mkdirSync(place, { recursive: true, mode: 0o755 });
      file = fs.openSync(partial, 'wx', 0o644);
    } catch {
      return;
    }
    try {
      fs.writeFileSync(file, codeNow());
      fs.fsyncSync(file); // half a file would be run after a power cut
      fs.renameSync(partial, path);
    } catch {
      fs.rmSync(partial, { force: true });
    }
  }

  function codeNow() {
    const made = Object.entries(scripts).map(([name, script]) => [name, script.createCachedData()]);
    const all = Object.entries({ ...before, ...Object.fromEntries(made) });
    let end = 0;
    const files = all.map(([name, { length }]) => {
      end += length;
      return [name, end - length, end];
    });
    const head = JSON.stringify({ build, files });
    // V8 copies code that does not lie at a multiple of 8 bytes.
    const aligned = head.padEnd(Math.ceil((head.length + 1) / 8) * 8 - 1);
    return Buffer.concat([Buffer.from(`${aligned}\n`), ...all.map(([, bytes]) => bytes)]);
  }
}
