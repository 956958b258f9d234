import type { Mark } from './engine.js';

/**
 * How a program's output tells where it is:
 *
 * - `text`: on stdout the generated text and nothing else, one write a token (llama-completion, earlier
 *   llama-cli);
 * - `chat`: a banner, the prompt after "> ", the answer, and a line of speeds (llama-cli since the end of
 *   2025);
 * - `bench`: JSON on stdout at the end, progress on stderr (llama-bench).
 */
export type OutputStyle = 'text' | 'chat' | 'bench';

export interface ExpectedOutput {
  style: OutputStyle;
  prompt: string;
  /** Text beyond so many tokens is the program's farewell. */
  tokens: number;
  /** `text` only: the program repeats the prompt first, as it does where it has no --no-display-prompt. */
  echoesPrompt: boolean;
}

/**
 * Lines that are printed when the weights are loaded (mapped) and the context is being made. The first seen
 * counts: which of them a build prints depends on its age and verbosity.
 */
export const loadedLine =
  /llama_new_context_with_model|llama_init_from_model|llama_context: constructing|llama threadpool init|model loaded|initializing,? (n_)?slots|kv self size/;

/** Its own figures come after the last token. */
const figuresLine = /\b(?:sampl(?:e|ing)|load|eval) time\s*=/;

/** Characters of a line that has not ended, and of what comes before the answer: a program may print without an end. */
const mostHeld = 2 ** 20;

/** Turns a llama.cpp program's output, as it arrives, into marks. */
export class LlamaOutput {
  #loaded = false;
  #promptDone = false;
  #tokens = 0;
  #echo = '';
  #stderrRest = '';
  /** When the program began to print its figures: it generates no more. null: not yet. */
  doneAt: bigint | null = null;
  #answering: boolean;
  readonly #heldBreaks: bigint[] = [];

  constructor(
    private readonly expected: ExpectedOutput,
    private readonly emit: (mark: Mark) => void,
  ) {
    this.#answering = expected.style === 'text' && !expected.echoesPrompt;
  }

  /** One write of the program's, and when it arrived. */
  stdout(text: string, time: bigint): void {
    if (this.expected.style === 'bench') return;
    const answer = this.#answering ? text : this.#afterPrompt(text);
    if (answer === '') return;
    if (this.expected.style === 'text') this.#token(time);
    else this.#chat(answer, time);
  }

  stderr(text: string, time: bigint): void {
    const lines = (this.#stderrRest + text).split('\n');
    this.#stderrRest = (lines.pop() as string).slice(-mostHeld);
    for (const line of lines) this.#line(line, time);
  }

  #line(line: string, time: bigint): void {
    if (figuresLine.test(line)) this.doneAt ??= time;
    if (this.expected.style !== 'bench') {
      if (loadedLine.test(line)) this.#markLoaded(time);
    } else if (/llama-bench: .*\brun\b/.test(line)) {
      this.#markLoaded(time);
      if (line.includes('generation run')) this.#markPromptDone(time);
    }
  }

  /** What of `text` comes after the prompt's echo; '' while that is not complete. */
  #afterPrompt(text: string): string {
    const prompt = this.expected.prompt.trim();
    this.#echo = (this.#echo + text).slice(-(prompt.length + mostHeld));
    if (this.expected.style === 'text') {
      this.#answering = this.#echo.trim().length >= prompt.length;
      return '';
    }
    // A long prompt is shown shortened, so its start must do.
    const start = this.#echo.indexOf(`\n> ${prompt.slice(0, 400)}`);
    const end = start < 0 ? -1 : this.#echo.indexOf('\n', start + 3 + prompt.slice(0, 400).length);
    if (end < 0) return '';
    this.#answering = true;
    return this.#echo.slice(end + 1);
  }

  /** A line break may be a token or stand before the speeds: what comes next tells. */
  #chat(answer: string, time: bigint): void {
    const own = answer.replace(/\[(Start|End) thinking\]|\[ Prompt:.*/gs, '');
    if (/^\n*$/.test(own)) {
      if (own !== '' && this.#heldBreaks.length < this.expected.tokens) this.#heldBreaks.push(time);
      return;
    }
    for (const earlier of this.#heldBreaks.splice(0)) this.#token(earlier);
    this.#token(time);
  }

  #token(time: bigint): void {
    if (this.#tokens >= this.expected.tokens) return;
    this.#markLoaded(time);
    this.#markPromptDone(time);
    this.emit({ kind: 'token', time, index: this.#tokens++ });
  }

  #markLoaded(time: bigint): void {
    if (!this.#loaded) this.emit({ kind: 'loaded', time });
    this.#loaded = true;
  }

  #markPromptDone(time: bigint): void {
    if (!this.#promptDone) this.emit({ kind: 'promptDone', time });
    this.#promptDone = true;
  }
}
