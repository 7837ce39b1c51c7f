import type { ProtoReader, ProtoWriter } from '@meltemi/base';
import type { Scalar } from './schema.ts';
import { show } from './faults.ts';

type Raw = number | bigint | string | boolean | Uint8Array;

/** A checked scalar, ready to be written, or what is wrong with it. */
export type Checked = { readonly value: Raw } | { readonly fault: string };

/** How a scalar type is checked, written and read; values are ProtoJSON's. */
interface ScalarCodec {
  check(value: unknown): Checked;
  write(writer: ProtoWriter, value: never): void;
  read(reader: ProtoReader): string | number | boolean;
}

const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const UINT64 = [0n, 2n ** 64n - 1n] as const;
const INT32 = [-0x80000000, 0x7fffffff] as const;
const UINT32 = [0, 0xffffffff] as const;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const DECIMAL = /^-?\d{1,20}$/;

const int32 = { check: (value: unknown) => checkInt32(value, INT32) };
const uint32 = { check: (value: unknown) => checkInt32(value, UINT32) };
const int64 = { check: (value: unknown) => checkInt64(value, INT64) };
const uint64 = { check: (value: unknown) => checkInt64(value, UINT64) };
const float = { check: checkFloat };

const CODECS: Readonly<Record<Scalar, ScalarCodec>> = {
  string: {
    check: (value) => (typeof value === 'string' ? { value } : wrong('a string', value)),
    write: (writer, value: string) => writer.string(value),
    read: (reader) => reader.string(),
  },
  bool: {
    check: (value) => (typeof value === 'boolean' ? { value } : wrong('true or false', value)),
    write: (writer, value: boolean) => writer.bool(value),
    read: (reader) => reader.bool(),
  },
  bytes: { check: checkBytes, write: (writer, value: Uint8Array) => writer.bytes(value), read: (reader) => toBase64(reader.bytes()) },
  double: { ...float, write: (writer, value: number) => writer.double(value), read: (reader) => fromFloat(reader.double()) },
  float: { ...float, write: (writer, value: number) => writer.float(value), read: (reader) => fromFloat(reader.float()) },
  int32: { ...int32, write: (writer, value: number) => writer.int32(value), read: (reader) => reader.int32() },
  uint32: { ...uint32, write: (writer, value: number) => writer.uint32(value), read: (reader) => reader.uint32() },
  sint32: {
    ...int32,
    write: (writer, value: number) => writer.uint32(((value << 1) ^ (value >> 31)) >>> 0),
    read(reader) {
      const zigzag = reader.uint32();
      return (zigzag >>> 1) ^ -(zigzag & 1);
    },
  },
  fixed32: { ...uint32, write: (writer, value: number) => writer.fixed32(value), read: (reader) => reader.fixed32() },
  sfixed32: { ...int32, write: (writer, value: number) => writer.fixed32(value), read: (reader) => reader.fixed32() | 0 },
  int64: { ...int64, write: (writer, value: bigint) => writer.uint64(BigInt.asUintN(64, value)), read: (reader) => fromInt64(reader.int64()) },
  uint64: { ...uint64, write: (writer, value: bigint) => writer.uint64(value), read: (reader) => fromInt64(reader.uint64()) },
  sint64: {
    ...int64,
    write: (writer, value: bigint) => writer.uint64(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))),
    read(reader) {
      const zigzag = reader.uint64();
      return fromInt64((zigzag >> 1n) ^ -(zigzag & 1n));
    },
  },
  fixed64: { ...uint64, write: (writer, value: bigint) => writer.fixed64(value), read: (reader) => fromInt64(reader.fixed64()) },
  sfixed64: {
    ...int64,
    write: (writer, value: bigint) => writer.fixed64(BigInt.asUintN(64, value)),
    read: (reader) => fromInt64(BigInt.asIntN(64, reader.fixed64())),
  },
};

/** Checks a ProtoJSON value against a scalar type. */
export function checkScalar(scalar: Scalar, value: unknown): Checked {
  return CODECS[scalar].check(value);
}

/** Writes a checked scalar. */
export function writeScalar(writer: ProtoWriter, scalar: Scalar, value: Raw): void {
  CODECS[scalar].write(writer, value as never);
}

/** Reads a scalar as its ProtoJSON value. */
export function readScalar(reader: ProtoReader, scalar: Scalar): string | number | boolean {
  return CODECS[scalar].read(reader);
}

/** The ProtoJSON value of an absent scalar. */
export function zeroOf(scalar: Scalar): string | number | boolean {
  return scalar === 'string' || scalar === 'bytes' ? '' : scalar === 'bool' ? false : 0;
}

/** Proto3's default: not written for a field without presence. */
export function isDefault(value: unknown): boolean {
  return value === 0 || value === 0n || value === '' || value === false || (value instanceof Uint8Array && value.length === 0);
}

function wrong(expected: string, value: unknown): Checked {
  return { fault: `expected ${expected}, got ${show(value)}` };
}

function checkBytes(value: unknown): Checked {
  if (value instanceof Uint8Array) return { value };
  if (typeof value !== 'string' || !BASE64.test(value)) return wrong('base64', value);
  return { value: Buffer.from(value, 'base64') };
}

function checkFloat(value: unknown): Checked {
  if (typeof value === 'number') return { value };
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return { value: Number(value) };
  return wrong('a number', value);
}

function checkInt32(value: unknown, [min, max]: readonly [number, number]): Checked {
  const number = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) return wrong('a whole number', value);
  return number < min || number > max ? wrong(`a whole number from ${min} to ${max}`, value) : { value: number };
}

function checkInt64(value: unknown, [min, max]: readonly [bigint, bigint]): Checked {
  const whole =
    typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) || (typeof value === 'string' && DECIMAL.test(value));
  if (!whole) return wrong('a whole number', value);
  const number = BigInt(value);
  return number < min || number > max ? wrong(`a whole number from ${min} to ${max}`, value) : { value: number };
}

/** Bytes as standard base64. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function fromFloat(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function fromInt64(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : String(value);
}
