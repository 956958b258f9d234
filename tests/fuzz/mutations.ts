// Changes to files as a fault of a disk, an old program or somebody ill-disposed makes them.

/** Numbers from 0 to below 1 that a seed decides: a failure is repeated by its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** Bytes changed, cut off, put in, doubled, or numbers at the ends of their ranges. */
export function mutatedBytes(bytes: Buffer, random: () => number): Buffer {
  let made = Buffer.from(bytes);
  const place = () => Math.floor(random() * made.length);
  const changes = [
    () => {
      if (made.length > 0) made[place()] = Math.floor(random() * 256);
    },
    () => {
      made = made.subarray(0, place());
    },
    () => {
      const [from, to] = [place(), place()].sort((a, b) => a - b);
      made = Buffer.concat([made.subarray(0, to), made.subarray(from)]);
    },
    () => {
      if (made.length >= 8) made.writeBigUInt64LE(pick(random, edges), Math.min(place(), made.length - 8));
    },
    () => {
      if (made.length >= 4)
        made.writeUInt32LE(Number(pick(random, edges) & 0xffffffffn), Math.min(place(), made.length - 4));
    },
  ];
  for (let i = 0; i < 1 + random() * 4; i++) pick(random, changes)();
  return made;
}

const edges = [
  0n,
  1n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 53n,
  1n << 62n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** Values of every type, and of sizes that nobody expects. */
const strange: readonly unknown[] = [
  ...[null, true, 0, -1, 0.5, 1e308, 2 ** 53, -(2 ** 63), '', 'x', [], {}, [null], { a: null }],
  ...['\x1b[2J\r\x1b[K\u202e', '../../etc/passwd', 'x'.repeat(100_000), '9'.repeat(400), 'NaN', '__proto__'],
  ...[Array.from({ length: 5000 }, (_, i) => i), nested(2000)],
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** A value somewhere within replaced by a strange one, removed, or doubled. */
export function mutatedJson(value: unknown, random: () => number): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.08) return pick(random, strange);
  const keys = Object.keys(value);
  if (keys.length === 0) return pick(random, strange);
  const key = pick(random, keys);
  if (Array.isArray(value)) {
    const list = [...value];
    const chance = random();
    if (chance < 0.1) list.splice(Number(key), 1);
    else if (chance < 0.2) list.push(...list.slice(0, 1000));
    else list[Number(key)] = mutatedJson(list[Number(key)], random);
    return list;
  }
  const { [key]: inner, ...others } = value as Record<string, unknown>;
  if (random() < 0.1) return others;
  return { ...others, [random() < 0.05 ? '__proto__' : key]: mutatedJson(inner, random) };
}
