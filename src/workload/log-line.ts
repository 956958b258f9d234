import { parseFlat } from './response-timings.js';

/** What a line says, whatever its form: plain, `message | key=value`, or JSON. */
export interface LogLine {
  text: string;
  /** The task that it is about, and the slot that works on it; null: not said. */
  id: string | null;
  slot: string | null;
  time: bigint;
}

/** What a line begins with when somebody else has passed it on. */
const passedOn: readonly RegExp[] = [
  /^[\w.-]+\s+\| (?=\S)/, // docker compose: `ollama-1  | `
  /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)) \S+ [^\s[\]]+\[\d+\]: ?/, // syslog, journalctl
  /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d) (?:std(?:out|err) [FP] )?/, // docker logs -t, Kubernetes
  /^\(\w+(?: \w+)? pid=\d+\) /, // vLLM's processes: `(APIServer pid=1) `
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals take them
const colours = /\x1b\[[0-9;?]*[A-Za-z]/g;

/**
 * A line as the program itself wrote it, and of a llama-server that passes requests on to others which of them wrote it
 * (`[58093] `, its port); '' : no other.
 */
export function ownLine(raw: string): { text: string; port: string } {
  const line = passedOn.reduce(
    (rest, before) => rest.replace(before, ''),
    inContainer(raw).replace(colours, ''),
  );
  const [before = '', port = ''] = /^\[(\d{2,5})\] /.exec(line) ?? [];
  return { text: line.slice(before.length), port };
}

/** Docker keeps what a container prints as JSON: `{"log":"...\n","stream":"stderr","time":"..."}`. */
function inContainer(raw: string): string {
  const log = raw.startsWith('{"log":') ? parseFlat(raw)?.log : null;
  return typeof log === 'string' ? log.trimEnd() : raw;
}

export function logLine(raw: string, time: bigint): LogLine {
  const fields = raw.trimStart().startsWith('{') ? parseFlat(raw) : null;
  const said = fields?.msg ?? fields?.message;
  if (!fields || typeof said !== 'string') return { text: raw, id: idIn(raw), slot: slotIn(raw), time };
  const text = typeof fields.function === 'string' ? `${fields.function}: ${said}` : said;
  const number = (value: unknown) => (typeof value === 'number' && value >= 0 ? String(value) : null);
  return {
    text,
    id: number(fields.id_task ?? fields.task_id) ?? idIn(text),
    slot: number(fields.id_slot ?? fields.slot_id) ?? slotIn(text),
    time,
  };
}

/** A task of -1 is none. */
function idIn(text: string): string | null {
  const task = /\| task (\d+)|\b(?:id_task|task_id)=(\d+)|\btask id: (\d+)/.exec(text);
  return task?.[1] ?? task?.[2] ?? task?.[3] ?? null;
}

function slotIn(text: string): string | null {
  const slot = /\bslot\b[^|]*\bid\s+(\d+)|\b(?:id_slot|slot_id)=(\d+)|\bslot (\d+)\b/.exec(text);
  return slot?.[1] ?? slot?.[2] ?? slot?.[3] ?? null;
}

/**
 * When lines were written, by the time that they bear: several may be seen at once. The least difference between the two
 * clocks so far is that of a line that was seen at once.
 */
export class LogClock {
  #offset: bigint | null = null;
  #before = 0n;

  timeOf(line: string, seenAt: bigint): bigint {
    const printed = printedTime(line);
    if (printed === null) return seenAt;
    const offset = seenAt - printed;
    // A time that goes back is another server's.
    if (this.#offset === null || printed < this.#before || offset < this.#offset) this.#offset = offset;
    this.#before = printed;
    return printed + this.#offset;
  }
}

/** Of llama.cpp's since 2024, from the start of its log: `0.00.529.716 I ` (minutes, seconds, ms, us), `"time":529716`. In ns. */
function printedTime(line: string): bigint | null {
  const [, minutes, seconds, ms, us] = /^\s*(\d+)\.(\d\d)\.(\d{3})\.(\d{3}) [A-Z] /.exec(line) ?? [];
  if (minutes !== undefined)
    return 1000n * (BigInt(`${ms}${us}`) + 1_000_000n * (BigInt(seconds as string) + 60n * BigInt(minutes)));
  const json = /^\{"type":"log","time":(\d+),/.exec(line)?.[1];
  return json === undefined ? null : 1000n * BigInt(json);
}
