import type { ProtoReader } from '@meltemi/base';

/** Neither long texts nor long lists are remembered: clients choose them. */
const MAX_TEXT = 300;
const MAX_TEXTS = 20_000;

/**
 * Reads lists of texts that are mostly those of the last reader, in the same order: clients of one kind ask for the same and have the same. A text that is
 * the same again is not made again.
 */
export interface TextMemory {
  /** A list begins. */
  begin(list: string): void;
  /** The next text of the list; `reader` stands before its length. */
  read(reader: ProtoReader): string;
}

export function createTextMemory(): TextMemory {
  const lists = new Map<string, string[]>();
  let texts: string[] = [];
  let at = 0;
  return {
    begin(list) {
      at = 0;
      const known = lists.get(list);
      texts = known ?? [];
      if (known === undefined && lists.size < MAX_TEXTS / 100) lists.set(list, texts);
    },
    read(reader) {
      const guess = texts[at++];
      const { position } = reader;
      if (guess !== undefined && isNext(reader, guess)) return guess;
      reader.position = position;
      const text = reader.string();
      if (at <= MAX_TEXTS && text.length <= MAX_TEXT) texts[at - 1] = text;
      return text;
    },
  };
}

/** Whether the next text is that one; then it is passed. Only what is ASCII is as long in bytes as in characters, and can be. */
function isNext(reader: ProtoReader, guess: string): boolean {
  const size = reader.uint32();
  const { buffer, position } = reader;
  if (size !== guess.length || position + size > reader.end) return false;
  for (let i = 0; i < size; i++) if (buffer[position + i] !== guess.charCodeAt(i)) return false;
  reader.position = position + size;
  return true;
}
