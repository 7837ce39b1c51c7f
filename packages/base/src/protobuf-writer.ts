import { utf8Length, writeUtf8 } from './utf8.ts';

/**
 * Writes protobuf's wire format. Nested messages are written in place (`begin`/`finish`): no buffer per level. A writer may be reused
 * after `take`.
 */
export class ProtoWriter {
  private buffer: Uint8Array;
  private view: DataView;
  private length = 0;

  constructor(initialBytes = 256) {
    this.buffer = new Uint8Array(initialBytes);
    this.view = new DataView(this.buffer.buffer);
  }

  /** What was written, as a copy of exactly its size; the writer is empty then. */
  take(): Uint8Array {
    const result = this.buffer.slice(0, this.length);
    this.length = 0;
    return result;
  }

  tag(field: number, wireType: number): this {
    return this.uint32(((field << 3) | wireType) >>> 0);
  }

  /** An unsigned 32-bit varint. */
  uint32(value: number): this {
    this.reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
    return this;
  }

  /** A signed 32-bit varint: ten bytes when negative, as protobuf asks. */
  int32(value: number): this {
    return value >= 0 ? this.uint32(value) : this.uint64(BigInt.asUintN(64, BigInt(value)));
  }

  /** A 64-bit varint; signed values as two's complement (`BigInt.asUintN(64, …)`). */
  uint64(value: bigint): this {
    this.reserve(10);
    let rest = value;
    while (rest > 0x7fn) {
      this.buffer[this.length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.length++] = Number(rest);
    return this;
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  fixed32(value: number): this {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
    return this;
  }

  fixed64(value: bigint): this {
    this.reserve(8);
    this.view.setBigUint64(this.length, value, true);
    this.length += 8;
    return this;
  }

  float(value: number): this {
    this.reserve(4);
    this.view.setFloat32(this.length, value, true);
    this.length += 4;
    return this;
  }

  double(value: number): this {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
    return this;
  }

  /** Length and content. */
  bytes(value: Uint8Array): this {
    this.uint32(value.length);
    return this.raw(value);
  }

  /** Content alone. */
  raw(value: Uint8Array): this {
    this.reserve(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
    return this;
  }

  string(value: string): this {
    const size = utf8Length(value);
    this.uint32(size);
    this.reserve(size);
    this.length = writeUtf8(value, this.buffer, this.length);
    return this;
  }

  /** Starts a length-delimited value; hand the result to `finish`. */
  begin(): number {
    this.reserve(1);
    return this.length++;
  }

  /** Ends the value started at `mark`: puts its length before it, moving it when that takes more than one byte. */
  finish(mark: number): this {
    const size = this.length - mark - 1;
    const extra = varintSize(size) - 1;
    if (extra > 0) {
      this.reserve(extra);
      this.buffer.copyWithin(mark + 1 + extra, mark + 1, this.length);
    }
    const end = this.length + extra;
    this.length = mark;
    this.uint32(size);
    this.length = end;
    return this;
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + bytes));
    grown.set(this.buffer);
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** Bytes of an unsigned 32-bit varint. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}
