/* oxlint-disable complexity -- a bit scanner: its state stands in local variables. */

/**
 * Lengths of the code words of RFC 7541 appendix B, one letter per symbol 0…256 (256 = end of string): A = 5 bits, Z = 30 bits. The code
 * is canonical (words of one length count up in the order of their symbols), so the lengths are all there is to know.
 */
const LENGTHS =
  'ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJI' +
  'XPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRSVVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ';
const END_OF_STRING = 256;
const LONGEST = 30;
/** Words of at most this many bits are found by one look into `SHORT`, and mostly two of them. */
const SHORT_BITS = 12;

const LENGTH = new Uint8Array(257);
const WORD = new Uint32Array(257);
/** By the next `SHORT_BITS` bits: first symbol, second symbol, bits that they take, and how many symbols they are, one byte each; 0 = a longer word. */
const SHORT = new Int32Array(1 << SHORT_BITS);
/** For each length: the first word, how many there are, and where their symbols begin in `SYMBOLS`. */
const FIRST_WORD = new Uint32Array(LONGEST + 1);
const WORDS = new Uint16Array(LONGEST + 1);
const FIRST_SYMBOL = new Uint16Array(LONGEST + 1);
const SYMBOLS = new Uint16Array(257);

let nextWord = 0;
let nextSymbol = 0;
for (let length = 5; length <= LONGEST; length++) {
  nextWord *= 2;
  FIRST_WORD[length] = nextWord;
  FIRST_SYMBOL[length] = nextSymbol;
  for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
    if (LENGTHS.charCodeAt(symbol) - 60 !== length) continue;
    LENGTH[symbol] = length;
    WORD[symbol] = nextWord;
    if (length <= SHORT_BITS) {
      const spare = SHORT_BITS - length;
      SHORT.fill(symbol | (length << 16) | (1 << 24), nextWord << spare, (nextWord + 1) << spare);
    }
    SYMBOLS[nextSymbol++] = symbol;
    nextWord++;
  }
  WORDS[length] = nextSymbol - (FIRST_SYMBOL[length] as number);
}

// Where a second word fits behind the first, both are found at once.
const SINGLE = SHORT.slice();
for (const [bits, first] of SINGLE.entries()) {
  const length = (first >> 16) & 0xff;
  const second = SINGLE[(bits << length) & ((1 << SHORT_BITS) - 1)] as number;
  const both = length + ((second >> 16) & 0xff);
  if (first !== 0 && second !== 0 && both <= SHORT_BITS) SHORT[bits] = (first & 0xff) | ((second & 0xff) << 8) | (both << 16) | (2 << 24);
}

/** Most bytes that `encoded` bytes can decode to: the shortest word has five bits. */
export function huffmanRoom(encoded: number): number {
  return Math.floor((encoded * 8) / 5) + 2;
}

/**
 * Decodes `from[start, end)` to `to` at `at`, which must have `huffmanRoom`. Answers the index after the last byte, -1 when it is no valid
 * encoding (RFC 7541 section 5.2: the end-of-string word, padding of eight bits or more, or of other bits than ones).
 */
// oxlint-disable-next-line max-params -- source and target, as a copy
export function huffmanDecode(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  // The next bits stand at the top of `bits`; `count` of them are there.
  let bits = 0;
  let count = 0;
  let p = start;
  for (;;) {
    if (count < SHORT_BITS && p < end) {
      if (p + 1 < end) {
        bits |= (((from[p] as number) << 8) | (from[p + 1] as number)) << (16 - count);
        count += 16;
        p += 2;
      } else {
        bits |= (from[p++] as number) << (24 - count);
        count += 8;
      }
    }
    const short = SHORT[bits >>> (32 - SHORT_BITS)] as number;
    let length = (short >> 16) & 0xff;
    if (length > count) {
      // At the end: of two words the first may be there.
      length = LENGTH[short & 0xff] as number;
      if (length > count) break;
      to[at++] = short;
    } else if (length !== 0) {
      to[at] = short;
      to[at + 1] = short >> 8;
      at += short >> 24;
    } else {
      length = SHORT_BITS + 1;
      while (count <= 24 && p < end) {
        bits |= (from[p++] as number) << (24 - count);
        count += 8;
      }
      // A word of 26 to 30 bits may reach into a byte that did not fit any more.
      const more = count > 24 && count < LONGEST && p < end;
      const window = more ? bits | ((from[p] as number) >>> (count - 24)) : bits;
      const known = more ? 32 : count;
      while (length <= known && (window >>> (32 - length)) - (FIRST_WORD[length] as number) >= (WORDS[length] as number)) length++;
      if (length > known) break;
      const symbol = SYMBOLS[(FIRST_SYMBOL[length] as number) + (window >>> (32 - length)) - (FIRST_WORD[length] as number)] as number;
      if (symbol === END_OF_STRING) return -1;
      to[at++] = symbol;
      if (length > count) {
        const used = length - count;
        bits = (from[p++] as number) << (24 + used);
        count = 8 - used;
        continue;
      }
    }
    bits <<= length;
    count -= length;
  }
  if (count > 7) return -1;
  return count === 0 || bits >>> (32 - count) === (1 << count) - 1 ? at : -1;
}

/** Bytes that `from[start, end)` takes when encoded. */
export function huffmanLength(from: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let i = start; i < end; i++) bits += LENGTH[from[i] as number] as number;
  return (bits + 7) >>> 3;
}

/** Encodes `from[start, end)` to `to` at `at`; answers the index after the last byte. */
// oxlint-disable-next-line max-params -- source and target, as a copy
export function huffmanEncode(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  let bits = 0;
  let count = 0;
  for (let i = start; i < end; i++) {
    const symbol = from[i] as number;
    let length = LENGTH[symbol] as number;
    let word = WORD[symbol] as number;
    if (length > 24) {
      // With up to seven bits waiting a long word would not fit into 32: its upper part goes first.
      bits = (bits << (length - 16)) | (word >>> 16);
      count += length - 16;
      while (count >= 8) to[at++] = bits >>> (count -= 8);
      word &= 0xffff;
      length = 16;
    }
    bits = (bits << length) | word;
    count += length;
    while (count >= 8) to[at++] = bits >>> (count -= 8);
  }
  if (count > 0) to[at++] = (bits << (8 - count)) | ((1 << (8 - count)) - 1);
  return at;
}
