/** What has begun to be written and is not finished: it is removed when its process ends before its time. */
export interface Unfinished {
  discard(): void;
}

const all = new Set<Unfinished>();
let onChange: (any: boolean) => void = () => {};

export function begun(each: Unfinished): void {
  all.add(each);
  onChange(true);
}

export function finished(each: Unfinished): void {
  all.delete(each);
  onChange(all.size > 0);
}

/** Calls `action` whenever something begins or is finished. */
export function whileUnfinished(action: (any: boolean) => void): void {
  onChange = action;
}

/** Removes all that this process has begun to write and has not finished. */
export function discardUnfinished(): void {
  for (const each of all) {
    try {
      each.discard();
    } catch {
      // its disk may be gone; the others' may not
    }
  }
}
