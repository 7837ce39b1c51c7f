import fc, { type Arbitrary } from 'fast-check';
import type { FieldSchema, MessageSchema, Scalar, Schema, ValueType } from '../schema.ts';
import { WRAPPERS } from '../well-known.ts';

const MAX_DEPTH = 4;
const MAX_FIELDS = 5;

/** Canonical ProtoJSON of a message type, straight from its schema: no defaults, one member per oneof. */
export function arbitraryMessage(schema: Schema, fullName: string): Arbitrary<Record<string, unknown>> {
  const message = schema.message(fullName);
  if (message === undefined) throw new Error(`no type ${fullName}`);
  return messageOf(message, 0);
}

function messageOf(message: MessageSchema, depth: number): Arbitrary<Record<string, unknown>> {
  const fields = [...new Set(message.byName.values())];
  if (depth >= MAX_DEPTH || fields.length === 0) return fc.constant({});
  return fc.subarray(fields, { maxLength: Math.min(MAX_FIELDS, fields.length) }).chain((chosen) => {
    const oneofs = new Set<string>();
    const entries: Record<string, Arbitrary<unknown>> = {};
    for (const field of chosen) {
      if (field.oneof !== undefined && oneofs.has(field.oneof)) continue;
      if (field.oneof !== undefined) oneofs.add(field.oneof);
      entries[field.name] = fieldOf(field, depth + 1);
    }
    return fc.record(entries, { noNullPrototype: true });
  });
}

function fieldOf(field: FieldSchema, depth: number): Arbitrary<unknown> {
  const value = valueOf(field.value, depth);
  if (field.mapKey !== undefined) return fc.dictionary(keyOf(field.mapKey), value, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
  if (field.repeated) return fc.array(value, { minLength: 1, maxLength: 3 });
  if (field.presence || field.value.t === 'message') return value;
  if (field.value.t === 'enum') {
    const zero = field.value.enumeration.byNumber.get(0);
    return value.filter((name) => name !== zero);
  }
  return value.filter((item) => item !== 0 && item !== '' && item !== false);
}

function keyOf(key: Scalar): Arbitrary<string> {
  if (key === 'string') return fc.string({ unit: 'grapheme', maxLength: 6 }).filter((text) => text !== '__proto__');
  if (key === 'bool') return fc.constantFrom('true', 'false');
  return fc.nat().map(String);
}

function valueOf(type: ValueType, depth: number): Arbitrary<unknown> {
  if (type.t === 'enum') return fc.constantFrom(...type.enumeration.byNumber.values());
  if (type.t === 'scalar') return scalarOf(type.scalar);
  const name = type.message.fullName;
  const wrapped = WRAPPERS[name];
  if (wrapped !== undefined) return scalarOf(wrapped);
  switch (name) {
    case 'google.protobuf.Any':
      return fc.constantFrom(
        { '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', cluster: 'c', idle_timeout: '1s' },
        { '@type': 'type.googleapis.com/acme.Unknown', value: 'AAEC' },
        { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1.5s' },
      );
    case 'google.protobuf.Duration':
      return fc.tuple(fc.integer(), fc.nat(999)).map(([s, ms]) => `${s}${ms === 0 ? '' : `.${String(ms).padStart(3, '0').replace(/0+$/, '')}`}s`);
    case 'google.protobuf.Timestamp':
      return fc.date({ min: new Date(0), noInvalidDate: true, max: new Date('9999-01-01') }).map((date) => `${date.toISOString().slice(0, 19)}Z`);
    case 'google.protobuf.Struct':
      return jsonObject();
    case 'google.protobuf.Value':
      return jsonValue();
    case 'google.protobuf.ListValue':
      return fc.array(jsonValue(), { maxLength: 3 });
    default:
      return messageOf(type.message, depth);
  }
}

function jsonValue(): Arbitrary<unknown> {
  return fc.jsonValue({ maxDepth: 2, noUnicodeString: false } as object).map(normal);
}

function jsonObject(): Arbitrary<unknown> {
  return fc.dictionary(fc.string({ maxLength: 4 }).filter((text) => text !== '__proto__'), jsonValue(), { maxKeys: 3, noNullPrototype: true });
}

/** Plain prototypes and no `__proto__` keys, so that deep comparison compares content. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto'));
}

function scalarOf(scalar: Scalar): Arbitrary<unknown> {
  switch (scalar) {
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 200 });
    case 'bool':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'float':
      return fc.float({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return fc.integer();
    case 'uint32':
    case 'fixed32':
      return fc.nat(0xffffffff);
    case 'uint64':
    case 'fixed64':
      return fc.bigInt(0n, 2n ** 64n - 1n).map(int64);
    default:
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(int64);
  }
}

function int64(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}
