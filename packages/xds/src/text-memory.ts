import type { ProtoReader } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';

/** Neither long texts nor many are remembered: clients choose them, and what is remembered outlives them. */
const MAX_TEXT = 300;
const MAX_CHARS = 8 << 20;
/** A place in a list costs memory too, however short its text. */
const PLACE_CHARS = 32;
const TYPES: ReadonlySet<string> = new Set(Object.values(TYPE_URL));

/**
 * Reads lists of texts that are mostly those of the last reader, in the same order: clients of one kind ask for the same and have the same. A text that is
 * the same again is not made again. Remembers lists of the types that there are, and of those a bounded number of characters.
 */
export interface TextMemory {
  /** A list begins. */
  begin(list: string): void;
  /** The next text of the list; `reader` stands before its length. */
  read(reader: ProtoReader): string;
}

/** `maxChars`: what it keeps at most, in all. */
export function createTextMemory(maxChars = MAX_CHARS): TextMemory {
  const lists = new Map<string, string[]>();
  let texts: string[] | undefined;
  let at = 0;
  let room = maxChars;
  const remember = (list: string[], place: number, read: string): void => {
    if (place > list.length) return;
    const text = read.length > MAX_TEXT ? '' : read;
    const more = text.length - (list[place]?.length ?? -PLACE_CHARS);
    if (more > room) return;
    room -= more;
    list[place] = text;
  };
  return {
    begin(list) {
      at = 0;
      texts = lists.get(list);
      if (texts === undefined && TYPES.has(list)) lists.set(list, (texts = []));
    },
    read(reader) {
      const place = at++;
      const guess = texts?.[place];
      const { position } = reader;
      if (guess !== undefined && isNext(reader, guess)) return guess;
      reader.position = position;
      const text = reader.string();
      if (texts !== undefined) remember(texts, place, text);
      return text;
    },
  };
}

/** Whether the next text is that one; then it is passed. Only ASCII is compared: the bytes of another text may be the characters of the guess. */
function isNext(reader: ProtoReader, guess: string): boolean {
  const size = reader.uint32();
  const { buffer, position } = reader;
  if (size !== guess.length || position + size > reader.end) return false;
  for (let i = 0; i < size; i++) {
    const unit = guess.charCodeAt(i);
    if (unit >= 0x80 || buffer[position + i] !== unit) return false;
  }
  reader.position = position + size;
  return true;
}
