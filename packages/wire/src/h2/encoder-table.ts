import type { BytesPort } from '../bytes.ts';
import { LOWER } from '../tables.ts';
import { ENTRY_OVERHEAD, FieldTable, noBytes } from './field-table.ts';
import { STATIC_COUNT, STATIC_FIELDS, type StaticField } from './static-table.ts';

const BUCKETS = 128;
/** Numbers per entry in `#links`. */
const LINKS = 4;
const SMALLEST_RING = 16;
/** Below this a loop compares faster than the host, which has to be called. */
const LOOP_BYTES = 48;

/** A field about to be encoded. `bytes` holds both parts; the name may be there in any case, and not at all when `index` stands for it. */
export interface FieldToSend {
  bytes: Uint8Array;
  nameStart: number;
  nameEnd: number;
  valueStart: number;
  valueEnd: number;
  /** Of the name, and of name and value. */
  nameHash: number;
  hash: number;
  /** First index of the static table with this name, 0 = none. */
  index: number;
}

/**
 * An encoder's dynamic table: a `FieldTable` with two hash indexes, by line and by name. Entries are numbered as they come; chains end at
 * the first number that has been evicted, so nothing is ever unlinked.
 */
export class EncoderTable {
  readonly #table: FieldTable;
  /** Entries ever added: same number and size, same table. */
  insertions = 0;
  #byLine: Int32Array = NO_NUMBERS;
  #byName: Int32Array = NO_NUMBERS;
  /** For each place in a ring: line hash, number of the next older line of the bucket, name hash, next older one of its bucket. */
  #links: Int32Array = NO_NUMBERS;
  #mask = 0;
  #scratch: Uint8Array;
  readonly #port: BytesPort;

  constructor(port: BytesPort, maxSize: number) {
    this.#table = new FieldTable(port, maxSize);
    this.#scratch = noBytes(port);
    this.#port = port;
  }

  get maxSize(): number {
    return this.#table.maxSize;
  }

  resize(maxSize: number): void {
    this.#table.resize(maxSize);
  }

  /** HPACK index of this very line, 0 = it is not there. */
  findLine(field: FieldToSend): number {
    if (this.insertions === 0) return 0;
    const oldest = this.insertions - this.#table.count;
    let number = this.#byLine[field.hash & (BUCKETS - 1)] as number;
    while (number > oldest) {
      const link = (number & this.#mask) * LINKS;
      if (this.#links[link] === field.hash && this.#sameLine(number, field)) return this.insertions - number + STATIC_COUNT + 1;
      number = this.#links[link + 1] as number;
    }
    return 0;
  }

  /** HPACK index of an entry with this name, 0 = none. */
  findName(field: FieldToSend): number {
    if (field.index !== 0 || this.insertions === 0) return field.index;
    const oldest = this.insertions - this.#table.count;
    let number = this.#byName[field.nameHash & (BUCKETS - 1)] as number;
    while (number > oldest) {
      const link = (number & this.#mask) * LINKS;
      if (this.#links[link + 2] === field.nameHash && this.#sameName(number, field)) return this.insertions - number + STATIC_COUNT + 1;
      number = this.#links[link + 3] as number;
    }
    return 0;
  }

  /** Does the field fit without pushing out most others? */
  takes(field: FieldToSend): boolean {
    return (nameLengthOf(field) + field.valueEnd - field.valueStart + ENTRY_OVERHEAD) * 4 <= this.#table.maxSize;
  }

  /** Adds the field. */
  add(field: FieldToSend): void {
    const { hash, nameHash } = field;
    if (this.insertions === 0) this.#start();
    this.#table.add(this.#line(field), 0, nameLengthOf(field), field.valueEnd - field.valueStart, field.index);
    if (this.#table.count > this.#mask) this.#grow();
    const number = ++this.insertions;
    const link = (number & this.#mask) * LINKS;
    this.#links[link] = hash;
    this.#links[link + 1] = this.#byLine[hash & (BUCKETS - 1)] as number;
    this.#links[link + 2] = nameHash;
    this.#links[link + 3] = this.#byName[nameHash & (BUCKETS - 1)] as number;
    this.#byLine[hash & (BUCKETS - 1)] = number;
    this.#byName[nameHash & (BUCKETS - 1)] = number;
  }

  /** Storage comes with the first entry: most connections are idle. */
  #start(): void {
    this.#byLine = new Int32Array(BUCKETS);
    this.#byName = new Int32Array(BUCKETS);
    this.#links = new Int32Array(SMALLEST_RING * LINKS);
    this.#mask = SMALLEST_RING - 1;
  }

  /** The field in line form, in the scratch. */
  #line(field: FieldToSend): Uint8Array {
    const { bytes, nameStart, valueStart, index } = field;
    const nameLength = nameLengthOf(field);
    const valueLength = field.valueEnd - valueStart;
    if (this.#scratch.length < nameLength + valueLength + 4) this.#scratch = this.#port.allocate((nameLength + valueLength) * 2 + 4);
    const scratch = this.#scratch;
    if (index !== 0) scratch.set((STATIC_FIELDS[index - 1] as StaticField).name);
    else for (let i = 0; i < nameLength; i++) scratch[i] = LOWER[bytes[nameStart + i] as number] as number;
    for (let i = 0; i < valueLength; i++) scratch[nameLength + 2 + i] = bytes[valueStart + i] as number;
    return scratch;
  }

  #grow(): void {
    const places = (this.#mask + 1) * 2;
    const links = new Int32Array(places * LINKS);
    const oldest = this.insertions - this.#table.count;
    for (let number = Math.max(1, oldest); number <= this.insertions; number++) {
      const from = (number & this.#mask) * LINKS;
      links.set(this.#links.subarray(from, from + LINKS), (number & (places - 1)) * LINKS);
    }
    this.#links = links;
    this.#mask = places - 1;
  }

  #sameLine(number: number, field: FieldToSend): boolean {
    const { meta, bytes } = this.#table;
    const entry = this.#table.entry(this.insertions - number);
    const valueLength = meta[entry + 2] as number;
    if (valueLength !== field.valueEnd - field.valueStart || !this.#sameName(number, field)) return false;
    const at = (meta[entry] as number) + (meta[entry + 1] as number) + 2;
    if (valueLength > LOOP_BYTES) return this.#port.equal(bytes, at, field.bytes, field.valueStart, valueLength);
    for (let i = 0; i < valueLength; i++) if (bytes[at + i] !== field.bytes[field.valueStart + i]) return false;
    return true;
  }

  #sameName(number: number, field: FieldToSend): boolean {
    const { meta, bytes } = this.#table;
    const entry = this.#table.entry(this.insertions - number);
    if (meta[entry + 3] !== field.index) return false;
    if (field.index !== 0) return true;
    const length = meta[entry + 1] as number;
    if (length !== field.nameEnd - field.nameStart) return false;
    const at = meta[entry] as number;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== LOWER[field.bytes[field.nameStart + i] as number]) return false;
    return true;
  }
}

function nameLengthOf({ index, nameStart, nameEnd }: FieldToSend): number {
  return index === 0 ? nameEnd - nameStart : (STATIC_FIELDS[index - 1] as StaticField).name.length;
}

const NO_NUMBERS = new Int32Array(0);
