import { MeshError } from './error.ts';
import { readUtf8 } from './utf8.ts';

/** Protobuf's wire types; 3 and 4 (groups) are only ever skipped. */
export const WireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

const MAX_GROUP_DEPTH = 32;

/**
 * Reads protobuf's wire format from `bytes[position, end)`. Every method throws MeshError `protobuf/malformed` on bad input and never
 * reads past `end`. Results of `bytes()` are views, not copies.
 */
export class ProtoReader {
  readonly buffer: Uint8Array;
  position: number;
  readonly end: number;
  /** Wire type of the tag that was read last. */
  wire = 0;

  constructor(buffer: Uint8Array, position = 0, end = buffer.length) {
    this.buffer = buffer;
    this.position = position;
    this.end = end;
  }

  /** The next field's tag (`number << 3 | wire type`), or 0 at the end. */
  tag(): number {
    if (this.position >= this.end) return 0;
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw malformed('field number 0', this.position);
    this.wire = tag & 7;
    return tag;
  }

  /** A varint cut to 32 bits, unsigned. */
  uint32(): number {
    const { buffer } = this;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.end) throw malformed('a varint is cut off', this.position);
      const byte = buffer[this.position++]!;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformed('a varint is longer than ten bytes', this.position);
  }

  /** A varint cut to 32 bits, signed. */
  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.uint32() !== 0;
  }

  /** A whole 64-bit varint, unsigned. */
  uint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.position >= this.end) throw malformed('a varint is cut off', this.position);
      const byte = this.buffer[this.position++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed('a varint is longer than ten bytes', this.position);
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  fixed32(): number {
    return this.view(4).getUint32(0, true);
  }

  fixed64(): bigint {
    return this.view(8).getBigUint64(0, true);
  }

  float(): number {
    return this.view(4).getFloat32(0, true);
  }

  double(): number {
    return this.view(8).getFloat64(0, true);
  }

  /** The end offset of a length-delimited field whose content starts at `position`. */
  lengthEnd(): number {
    const length = this.uint32();
    const end = this.position + length;
    if (end > this.end) throw malformed(`a field of ${length} bytes reaches past the end`, this.position);
    return end;
  }

  bytes(): Uint8Array {
    const end = this.lengthEnd();
    const view = this.buffer.subarray(this.position, end);
    this.position = end;
    return view;
  }

  string(): string {
    const end = this.lengthEnd();
    const text = readUtf8(this.buffer, this.position, end);
    if (text === undefined) throw malformed('a string is not UTF-8', this.position);
    this.position = end;
    return text;
  }

  /** A reader over a length-delimited field; this one continues after it. */
  message(): ProtoReader {
    const end = this.lengthEnd();
    const inner = new ProtoReader(this.buffer, this.position, end);
    this.position = end;
    return inner;
  }

  /** Skips the value of a field with this tag. */
  skip(tag: number, depth = 0): void {
    switch (tag & 7) {
      case WireType.varint:
        this.uint32();
        return;
      case WireType.fixed64:
        this.view(8);
        return;
      case WireType.bytes:
        this.position = this.lengthEnd();
        return;
      case WireType.fixed32:
        this.view(4);
        return;
      case WireType.startGroup:
        this.skipGroup(tag >>> 3, depth);
        return;
      default:
        throw malformed(`wire type ${tag & 7}`, this.position);
    }
  }

  private skipGroup(field: number, depth: number): void {
    if (depth >= MAX_GROUP_DEPTH) throw malformed('groups nested too deep', this.position);
    for (;;) {
      const tag = this.tag();
      if (tag === 0) throw malformed('a group is cut off', this.position);
      if ((tag & 7) === WireType.endGroup) {
        if (tag >>> 3 !== field) throw malformed('a group ends with the wrong number', this.position);
        return;
      }
      this.skip(tag, depth + 1);
    }
  }

  private view(size: number): DataView {
    if (this.position + size > this.end) throw malformed(`a value of ${size} bytes reaches past the end`, this.position);
    const view = new DataView(this.buffer.buffer, this.buffer.byteOffset + this.position, size);
    this.position += size;
    return view;
  }
}

function malformed(what: string, position: number): MeshError {
  return new MeshError('protobuf/malformed', `Malformed protobuf at byte ${position}: ${what}`);
}
