/** ISO 8601 in UTC, to the microsecond, of ns since the epoch; what is less than a microsecond is cut off. */
export function isoTime(ns: bigint): string {
  const micros = ns / 1000n;
  const date = new Date(Number(micros / 1000n)).toISOString();
  return date.replace('Z', `${String(micros % 1000n).padStart(3, '0')}Z`);
}

/** ns since the epoch of an ISO 8601 time, with any number of digits behind the seconds. */
export function epochNs(iso: string): bigint {
  const [, fraction = ''] = /\.(\d+)/.exec(iso) ?? [];
  const seconds = BigInt(Math.floor(Date.parse(iso) / 1000));
  return seconds * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}
