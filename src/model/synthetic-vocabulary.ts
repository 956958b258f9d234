/** A SentencePiece vocabulary in GGUF's form: one entry of each list a token. */
export interface Vocabulary {
  tokens: string[];
  /** Pieces with a higher score are merged first. */
  scores: number[];
  /** llama.cpp's token types: 1 normal, 2 unknown, 3 control, 6 byte. */
  types: number[];
}

const CONTROL: readonly (readonly [string, number])[] = [
  ['<unk>', 2],
  ['<s>', 3],
  ['</s>', 3],
];

/** Tokens before the first letter: unknown, begin, end, and the 256 bytes. */
export const SPECIAL_TOKENS = CONTROL.length + 256;

/** Marks the beginning of a word, as SentencePiece does. */
const SPACE = '\u2581';

/**
 * A vocabulary of made-up words that tokenises any text: bytes, letters, syllables, then words of two and more
 * syllables. Each word but for its last syllable is a token too, which is how SentencePiece can merge its way to it.
 */
export function syntheticVocabulary(size: number): Vocabulary {
  const words = [...takePieces(size - SPECIAL_TOKENS)];
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  return {
    tokens: [...CONTROL.map(([token]) => token), ...bytes, ...words],
    scores: [...new Array<number>(SPECIAL_TOKENS).fill(0), ...words.map((_, index) => -index)],
    types: [...CONTROL.map(([, type]) => type), ...bytes.map(() => 6), ...words.map(() => 1)],
  };
}

function* takePieces(count: number): Generator<string> {
  let left = count;
  for (const piece of pieces()) {
    if (left-- <= 0) return;
    yield piece;
  }
}

function* pieces(): Generator<string> {
  const syllables = [...'bcdfghjklmnpqrstvwxz'].flatMap((consonant) =>
    [...'aeiou'].map((vowel) => consonant + vowel),
  );
  yield SPACE;
  yield* 'abcdefghijklmnopqrstuvwxyz';
  yield* syllables;
  for (let length = 1; ; length++) yield* words(syllables, length);
}

/** All words of so many syllables. */
function* words(syllables: readonly string[], length: number): Generator<string> {
  if (length === 0) {
    yield SPACE;
    return;
  }
  for (const beginning of words(syllables, length - 1)) {
    for (const syllable of syllables) yield beginning + syllable;
  }
}
