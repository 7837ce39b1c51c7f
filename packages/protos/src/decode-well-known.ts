import { ProtoReader } from '@meltemi/base';
import { scalarWire } from './encode-well-known.ts';
import { addFault, bareMessage, childPlace, isTooDeep, type Collecting, type Place } from './place.ts';
import { readScalar, toBase64, zeroOf } from './scalars.ts';
import { camelCase, type MessageSchema, type Scalar } from './schema.ts';
import { formatDuration, formatTimestamp, isWellKnown, WRAPPERS } from './well-known.ts';

export type JsonRecord = Record<string, unknown>;

/** What reading shares over one message. */
interface Reading extends Collecting {
  readonly readMessage: (place: Place<Reading>, message: MessageSchema, reader: ProtoReader, into: unknown) => unknown;
  readonly onUnknown: ((field: string) => void) | undefined;
}

export type ReadPlace = Place<Reading>;

const FORMS: Readonly<Record<string, (place: ReadPlace, reader: ProtoReader, into: unknown) => unknown>> = {
  'google.protobuf.Any': readAny,
  'google.protobuf.Duration': readDuration,
  'google.protobuf.Timestamp': readTimestamp,
  'google.protobuf.FieldMask': (_, reader) => readFieldMask(reader),
  'google.protobuf.Struct': (place, reader, into) => readStruct(place, reader, (into ?? {}) as JsonRecord),
  'google.protobuf.ListValue': readList,
  'google.protobuf.Value': readJsonValue,
};

/** Reads a message that has a ProtoJSON form of its own; undefined for all others. */
export function readWellKnown(place: ReadPlace, fullName: string, reader: ProtoReader, into: unknown): { readonly value: unknown } | undefined {
  if (!isWellKnown(fullName)) return undefined;
  const wrapped = WRAPPERS[fullName];
  return { value: wrapped === undefined ? FORMS[fullName]?.(place, reader, into) : readWrapped(reader, wrapped) };
}

/** Sets a key that came from the wire: `__proto__` is a name like any other. */
export function setKey(record: JsonRecord, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}

function readWrapped(reader: ProtoReader, scalar: Scalar): unknown {
  let value: unknown = zeroOf(scalar);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === (8 | scalarWire(scalar))) value = readScalar(reader, scalar);
    else reader.skip(tag);
  }
  return value;
}

function readSecondsNanos(reader: ProtoReader): { seconds: bigint; nanos: number } {
  let seconds = 0n;
  let nanos = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 8) seconds = reader.int64();
    else if (tag === 16) nanos = reader.int32();
    else reader.skip(tag);
  }
  return { seconds, nanos };
}

const MAX_DURATION_SECONDS = 315_576_000_000n;

function readDuration(place: ReadPlace, reader: ProtoReader): string {
  const value = readSecondsNanos(reader);
  const { seconds, nanos } = value;
  const opposed = (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0);
  const tooLong = seconds > MAX_DURATION_SECONDS || seconds < -MAX_DURATION_SECONDS || Math.abs(nanos) > 999_999_999;
  if (opposed || tooLong) addFault(place, `a duration of ${seconds} s and ${nanos} ns is out of range`);
  return formatDuration(value);
}

function readTimestamp(place: ReadPlace, reader: ProtoReader): string {
  const value = readSecondsNanos(reader);
  const text = formatTimestamp(value);
  if (text === undefined) addFault(place, `a time of ${value.seconds} s and ${value.nanos} ns is out of range`);
  return text ?? '';
}

function readFieldMask(reader: ProtoReader): string {
  const paths: string[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) paths.push(camelCase(reader.string()));
    else reader.skip(tag);
  }
  return paths.join(',');
}

function readAny(place: ReadPlace, reader: ProtoReader): unknown {
  let typeUrl = '';
  let bytes: Uint8Array = new Uint8Array(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) typeUrl = reader.string();
    else if (tag === 18) bytes = reader.bytes();
    else reader.skip(tag);
  }
  if (typeUrl === '' && bytes.length === 0) return {};
  const { schema, readMessage } = place.shared;
  const fullName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const inner = childPlace(place, '');
  if (isWellKnown(fullName)) return { '@type': typeUrl, value: readMessage(inner, bareMessage(fullName), new ProtoReader(bytes), undefined) };
  const message = schema.message(fullName);
  if (message === undefined) return { '@type': typeUrl, value: toBase64(bytes) };
  return readMessage(inner, message, new ProtoReader(bytes), { '@type': typeUrl });
}

function readStruct(place: ReadPlace, reader: ProtoReader, result: JsonRecord): JsonRecord {
  if (isTooDeep(place)) return result;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== 10) {
      reader.skip(tag);
      continue;
    }
    const entry = reader.message();
    let key = '';
    let value: unknown = null;
    for (let inner = entry.tag(); inner !== 0; inner = entry.tag()) {
      if (inner === 10) key = entry.string();
      else if (inner === 18) value = readJsonValue(childPlace(place, key), entry.message());
      else entry.skip(inner);
    }
    setKey(result, key, value);
  }
  return result;
}

function readList(place: ReadPlace, reader: ProtoReader): unknown[] {
  const list: unknown[] = [];
  if (isTooDeep(place)) return list;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) list.push(readJsonValue(childPlace(place, `[${list.length}]`), reader.message()));
    else reader.skip(tag);
  }
  return list;
}

const VALUE_FORMS: Readonly<Record<number, (place: ReadPlace, reader: ProtoReader) => unknown>> = {
  8(_, reader) {
    reader.uint32();
    return null;
  },
  17(place, reader) {
    const value = reader.double();
    if (!Number.isFinite(value)) addFault(place, `${value} is not a JSON number`);
    return value;
  },
  26: (_, reader) => reader.string(),
  32: (_, reader) => reader.bool(),
  42: (place, reader) => readStruct(place, reader.message(), {}),
  50: (place, reader) => readList(place, reader.message()),
};

function readJsonValue(place: ReadPlace, reader: ProtoReader): unknown {
  let value: unknown = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const read = VALUE_FORMS[tag];
    if (read === undefined) reader.skip(tag);
    else value = read(place, reader);
  }
  return value;
}
