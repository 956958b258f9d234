/** Words as bash takes them; a character that cannot be seen stands as its number. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (word.search(unseen) < 0) return `'${word.replaceAll("'", "'\\''")}'`;
  return `$'${word.replace(/[\\']/g, '\\$&').replace(unseen, numbered)}'`;
}

function numbered(character: string): string {
  const code = character.codePointAt(0) as number;
  const digits = code.toString(16);
  return code < 0x80 ? `\\x${digits.padStart(2, '0')}` : `\\U${digits.padStart(8, '0')}`;
}
