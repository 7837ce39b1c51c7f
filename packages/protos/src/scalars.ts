import type { ProtoReader, ProtoWriter } from '@meltemi/base';
import type { Scalar } from './schema.ts';
import { show } from './faults.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const DECIMAL = /^-?\d{1,20}$/;

/** A checked scalar, ready to be written, or what is wrong with it. */
export type Checked = { readonly value: number | bigint | string | boolean | Uint8Array } | { readonly fault: string };

/** Checks a ProtoJSON value against a scalar type. */
export function checkScalar(scalar: Scalar, value: unknown): Checked {
  switch (scalar) {
    case 'string':
      return typeof value === 'string' ? { value } : wrong('a string', value);
    case 'bool':
      return typeof value === 'boolean' ? { value } : wrong('true or false', value);
    case 'bytes':
      return checkBytes(value);
    case 'float':
    case 'double':
      return checkFloat(value);
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return checkInt32(value, -0x80000000, 0x7fffffff);
    case 'uint32':
    case 'fixed32':
      return checkInt32(value, 0, 0xffffffff);
    case 'uint64':
    case 'fixed64':
      return checkInt64(value, 0n, UINT64_MAX);
    default:
      return checkInt64(value, INT64_MIN, INT64_MAX);
  }
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

function checkInt32(value: unknown, min: number, max: number): Checked {
  const number = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) return wrong('a whole number', value);
  return number < min || number > max ? wrong(`a whole number from ${min} to ${max}`, value) : { value: number };
}

function checkInt64(value: unknown, min: bigint, max: bigint): Checked {
  const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) || (typeof value === 'string' && DECIMAL.test(value));
  if (!whole) return wrong('a whole number', value);
  const number = BigInt(value as string | number | bigint);
  return number < min || number > max ? wrong(`a whole number from ${min} to ${max}`, value) : { value: number };
}

/** Writes a checked scalar. */
export function writeScalar(writer: ProtoWriter, scalar: Scalar, value: number | bigint | string | boolean | Uint8Array): void {
  switch (scalar) {
    case 'string':
      writer.string(value as string);
      return;
    case 'bytes':
      writer.bytes(value as Uint8Array);
      return;
    case 'bool':
      writer.bool(value as boolean);
      return;
    case 'double':
      writer.double(value as number);
      return;
    case 'float':
      writer.float(value as number);
      return;
    case 'int32':
      writer.int32(value as number);
      return;
    case 'sint32':
      writer.uint32((((value as number) << 1) ^ ((value as number) >> 31)) >>> 0);
      return;
    case 'uint32':
      writer.uint32(value as number);
      return;
    case 'fixed32':
    case 'sfixed32':
      writer.fixed32(value as number);
      return;
    case 'fixed64':
    case 'sfixed64':
      writer.fixed64(BigInt.asUintN(64, value as bigint));
      return;
    case 'sint64':
      writer.uint64(BigInt.asUintN(64, ((value as bigint) << 1n) ^ ((value as bigint) >> 63n)));
      return;
    default:
      writer.uint64(BigInt.asUintN(64, value as bigint));
  }
}

/** Reads a scalar as its ProtoJSON value. */
export function readScalar(reader: ProtoReader, scalar: Scalar): string | number | boolean {
  switch (scalar) {
    case 'string':
      return reader.string();
    case 'bytes':
      return toBase64(reader.bytes());
    case 'bool':
      return reader.bool();
    case 'double':
      return fromFloat(reader.double());
    case 'float':
      return fromFloat(reader.float());
    case 'int32':
      return reader.int32();
    case 'sint32': {
      const zigzag = reader.uint32();
      return (zigzag >>> 1) ^ -(zigzag & 1);
    }
    case 'uint32':
      return reader.uint32();
    case 'fixed32':
      return reader.fixed32();
    case 'sfixed32':
      return reader.fixed32() | 0;
    case 'fixed64':
      return fromInt64(reader.fixed64());
    case 'sfixed64':
      return fromInt64(BigInt.asIntN(64, reader.fixed64()));
    case 'sint64': {
      const zigzag = reader.uint64();
      return fromInt64((zigzag >> 1n) ^ -(zigzag & 1n));
    }
    case 'uint64':
      return fromInt64(reader.uint64());
    default:
      return fromInt64(reader.int64());
  }
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function fromFloat(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function fromInt64(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : String(value);
}

/** Proto3's default: not written for a field without presence. */
export function isDefault(value: unknown): boolean {
  return value === 0 || value === 0n || value === '' || value === false || (value instanceof Uint8Array && value.length === 0);
}
