// A reader of safetensors as streaming engines are: for each token it walks the layers and reads what the token needs of
// them, two of the experts, from all files of the model.
//
//   node safetensors-reader.mjs FOLDER pread|direct|async TOKENS
//
// pread: read calls through the page cache. direct: the same past it. async: by Node's thread pool, or by io_uring where
// UV_USE_IO_URING=1 asks for it.
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const [folder, mode, tokens] = process.argv.slice(2);
const block = 4096;
const pieceBytes = 1 << 20;
/** Memory of WebAssembly begins at a page, as reads past the page cache need it. */
const memory = new Uint8Array(
  new WebAssembly.Memory({ initial: (pieceBytes + 2 * block) / 65536 + 1 }).buffer,
);

/** Where each tensor is, by its file's own list. */
function tensorsOf(path) {
  const file = openSync(path, 'r');
  const length = Buffer.alloc(8);
  readSync(file, length, 0, 8, 0);
  const bytes = Number(length.readBigUInt64LE(0));
  const list = Buffer.alloc(bytes);
  readSync(file, list, 0, bytes, 8);
  closeSync(file);
  const { __metadata__: _, ...entries } = JSON.parse(list.toString());
  return Object.entries(entries).map(
    ([
      name,
      {
        data_offsets: [from, to],
      },
    ]) => ({
      ...{ name, path, offset: 8 + bytes + from, bytes: to - from },
    }),
  );
}

function modelAt(path) {
  const { weight_map: map } = JSON.parse(readFileSync(join(path, 'model.safetensors.index.json'), 'utf8'));
  return [...new Set(Object.values(map))].flatMap((shard) => tensorsOf(join(path, shard)));
}

/** What a token needs, in the order of the layers: a row of the table, two experts of each layer, all else. */
function neededBy(token, tensors) {
  const layerOf = ({ name }) =>
    Number(/layers\.(\d+)\./.exec(name)?.[1] ?? (name.startsWith('lm_head') ? 1e6 : -1));
  return tensors
    .filter(({ name }) => {
      const expert = /experts\.(\d+)\./.exec(name)?.[1];
      return expert === undefined || (Number(expert) + token) % 4 < 2;
    })
    .map((tensor) => (tensor.name.includes('embed_tokens') ? { ...tensor, bytes: block } : tensor))
    .sort((a, b) => layerOf(a) - layerOf(b) || a.offset - b.offset);
}

const descriptors = new Map();
async function descriptorOf(path) {
  const direct = mode === 'direct' ? constants.O_DIRECT : 0;
  if (!descriptors.has(path)) {
    descriptors.set(
      path,
      mode === 'async' ? await open(path, 'r') : openSync(path, constants.O_RDONLY | direct),
    );
  }
  return descriptors.get(path);
}

async function read(file, at, bytes) {
  if (mode === 'async') return (await file.read(memory, 0, bytes, at)).bytesRead;
  return readSync(file, memory, 0, bytes, at);
}

let total = 0;
async function readTensor({ path, offset, bytes }) {
  const file = await descriptorOf(path);
  const unit = mode === 'direct' ? block : 1;
  const end = Math.ceil((offset + bytes) / unit) * unit;
  for (let at = Math.floor(offset / unit) * unit; at < end; ) {
    const got = await read(file, at, Math.min(pieceBytes, end - at));
    if (got === 0) break;
    total += got;
    at += got;
  }
}

const tensors = modelAt(folder);
for (let token = 0; token < Number(tokens); token++) {
  for (const tensor of neededBy(token, tensors)) await readTensor(tensor);
}
console.log(`read ${total} bytes for ${tokens} tokens`);
// A little longer open: what is over at once is not seen at all.
await new Promise((resolve) => setTimeout(resolve, 300));
