/** Numbers that a seed gives again (xorshift, 32 bits). */
export class Random {
  #state: number;

  constructor(seed: number) {
    // A few steps apart, neighbouring seeds have nothing in common any more.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** Any 32 bits. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Bytes of text, one per character. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Bytes that grammars care about. */
const TELLING = [0, 9, 10, 13, 32, 44, 48, 58, 59, 61, 64, 65, 97, 127, 128, 255];

/** Changes the input in up to three places: bytes flipped, set, taken out, doubled, moved, or cut off. */
export function mutate(input: Buffer, random: Random): Buffer {
  let bytes = input;
  for (let left = random.below(4); left > 0 && bytes.length > 0; left--) {
    const at = random.below(bytes.length);
    const length = Math.min(bytes.length - at, 1 + random.below(8));
    switch (random.below(7)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = random.pick(TELLING);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(random.pick(TELLING)), bytes.subarray(at)]);
        break;
      case 5: {
        const to = random.below(bytes.length);
        bytes.copyWithin(to, at, at + length);
        break;
      }
      default:
        if (random.oneIn(4)) bytes = bytes.subarray(0, at);
        else bytes[at] = random.next();
    }
  }
  return bytes;
}

/** Up to six places to cut `length` bytes at, or every place. */
export function cuts(length: number, random: Random): number[] {
  if (length === 0) return [];
  if (random.oneIn(8)) return Array.from({ length: length - 1 }, (_, i) => i + 1);
  return Array.from({ length: 1 + random.below(6) }, () => random.below(length + 1)).sort((a, b) => a - b);
}

/** What a codec told, as one number: whole and split input must give the same. */
export class Transcript {
  hash = 0;
  /** The same in words, when asked for. */
  readonly words: string[] | undefined;

  constructor(words: boolean) {
    this.words = words ? [] : undefined;
  }

  number(value: number): void {
    this.hash = (Math.imul(this.hash, 31) + value) | 0;
  }

  /** Something that happened. */
  event(name: string, ...values: readonly number[]): void {
    for (let i = 0; i < name.length; i++) this.number(name.charCodeAt(i));
    for (const value of values) this.number(value);
    this.words?.push(`${name} ${values.join(' ')}`);
  }

  /** Bytes, whose division does not count. */
  bytes(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) this.number(bytes[i] as number);
    this.words?.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'));
  }
}
