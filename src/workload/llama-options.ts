/**
 * The options that a build of llama.cpp's programs knows, read from its --help.
 *
 * Options come and go from month to month; a program that is given one it does not know ends at once. Each
 * help line that starts with an option lists it with its other spellings:
 *
 *     -n,    --predict, --n-predict N         number of tokens to predict (default: -1, ...
 *       -m FNAME, --model FNAME
 *       --repack <0|1>                                    (default: 1)
 */
export class LlamaOptions {
  private constructor(
    private readonly spellings: ReadonlyMap<string, readonly string[]>,
    private readonly help: string,
  ) {}

  static fromHelp(help: string): LlamaOptions {
    const spellings = new Map<string, string[]>();
    for (const line of help.split('\n')) {
      const names = namesInLine(line);
      for (const name of names) spellings.set(name, names);
    }
    return new LlamaOptions(spellings, help);
  }

  has(name: string): boolean {
    return this.spellings.has(name);
  }

  /** Whether the help speaks of this, such as a value that an option takes. */
  says(text: string): boolean {
    return this.help.includes(text);
  }

  /** The first of `names` that the program knows. */
  firstOf(...names: string[]): string | null {
    return names.find((name) => this.has(name)) ?? null;
  }

  /** Whether `args` set this option, by any of its spellings. */
  isAmong(args: readonly string[], name: string): boolean {
    const spellings = this.spellings.get(name) ?? [name];
    return args.some((arg) => spellings.includes(arg.split('=')[0] as string));
  }
}

/** Descriptions may begin with an option's name as well; they are indented by 20 columns and more. */
const deepestOption = 8;

function namesInLine(line: string): string[] {
  const indent = line.search(/\S/);
  if (indent < 0 || indent > deepestOption) return [];
  const names: string[] = [];
  // A name, then perhaps one blank and its value; the next name follows a comma or blanks.
  const item = /[\s,]*(-{1,2}[A-Za-z][\w-]*)(?:[ =](?!-)[^\s,]+)?/y;
  for (let match = item.exec(line); match; match = item.exec(line)) names.push(match[1] as string);
  return names;
}
