import { ProtoReader, WireType } from '@meltemi/base';
import { setKey, type DecodeContext, type JsonRecord, type MessageDecoder } from './decode.ts';
import { join, MAX_DEPTH } from './faults.ts';
import { readScalar, toBase64 } from './scalars.ts';
import { camelCase, type Scalar } from './schema.ts';
import { formatDuration, formatTimestamp, isWellKnown, WRAPPERS } from './well-known.ts';

/** Reads messages that have a ProtoJSON form of their own; undefined for all others. */
export function createWellKnownDecoder(
  readMessage: MessageDecoder,
): (context: DecodeContext, fullName: string, reader: ProtoReader, into: unknown, path: string) => { value: unknown } | undefined {
  return (context, fullName, reader, into, path) => {
    if (!isWellKnown(fullName)) return undefined;
    const wrapped = WRAPPERS[fullName];
    if (wrapped !== undefined) return { value: readWrapped(reader, wrapped) };
    switch (fullName) {
      case 'google.protobuf.Any':
        return { value: readAny(context, reader, path, readMessage) };
      case 'google.protobuf.Duration':
        return { value: readDuration(context, reader, path) };
      case 'google.protobuf.Timestamp':
        return { value: readTimestamp(context, reader, path) };
      case 'google.protobuf.FieldMask':
        return { value: readFieldMask(reader) };
      case 'google.protobuf.Struct':
        return { value: readStruct(context, reader, (into ?? {}) as JsonRecord, path, 0) };
      case 'google.protobuf.ListValue':
        return { value: readList(context, reader, path, 0) };
      default:
        return { value: readJsonValue(context, reader, path, 0) };
    }
  };
}

function readWrapped(reader: ProtoReader, scalar: Scalar): unknown {
  let value: unknown = scalar === 'string' || scalar === 'bytes' ? '' : scalar === 'bool' ? false : 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const right = scalar === 'double' ? 1 : scalar === 'float' ? 5 : scalar === 'string' || scalar === 'bytes' ? 2 : 0;
    if (tag === ((1 << 3) | right)) value = readScalar(reader, scalar);
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

function readDuration(context: DecodeContext, reader: ProtoReader, path: string): string {
  const value = readSecondsNanos(reader);
  const opposed = (value.seconds > 0n && value.nanos < 0) || (value.seconds < 0n && value.nanos > 0);
  const tooLong = value.seconds > 315_576_000_000n || value.seconds < -315_576_000_000n;
  if (opposed || tooLong || Math.abs(value.nanos) > 999_999_999) context.faults.add(path, `a duration of ${value.seconds} s and ${value.nanos} ns is out of range`);
  return formatDuration(value);
}

function readTimestamp(context: DecodeContext, reader: ProtoReader, path: string): string {
  const value = readSecondsNanos(reader);
  const text = formatTimestamp(value);
  if (text === undefined) context.faults.add(path, `a time of ${value.seconds} s and ${value.nanos} ns is out of range`);
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

function readAny(context: DecodeContext, reader: ProtoReader, path: string, readMessage: MessageDecoder): unknown {
  let typeUrl = '';
  let bytes: Uint8Array = new Uint8Array(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 10) typeUrl = reader.string();
    else if (tag === 18) bytes = reader.bytes();
    else reader.skip(tag);
  }
  if (typeUrl === '' && bytes.length === 0) return {};
  const fullName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const inner = { ...context, depth: context.depth + 1 };
  if (isWellKnown(fullName)) {
    const message = { fullName, byName: new Map(), byNumber: new Map() };
    return { '@type': typeUrl, value: readMessage(inner, message, new ProtoReader(bytes), undefined, path) };
  }
  const message = context.schema.message(fullName);
  if (message === undefined) return { '@type': typeUrl, value: toBase64(bytes) };
  return readMessage(inner, message, new ProtoReader(bytes), { '@type': typeUrl }, path);
}

function readStruct(context: DecodeContext, reader: ProtoReader, result: JsonRecord, path: string, depth: number): JsonRecord {
  if (depth > MAX_DEPTH) {
    context.faults.add(path, `nested deeper than ${MAX_DEPTH}`);
    return result;
  }
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
      else if (inner === 18) value = readJsonValue(context, entry.message(), join(path, key), depth + 1);
      else entry.skip(inner);
    }
    setKey(result, key, value);
  }
  return result;
}

function readList(context: DecodeContext, reader: ProtoReader, path: string, depth: number): unknown[] {
  const list: unknown[] = [];
  if (depth > MAX_DEPTH) {
    context.faults.add(path, `nested deeper than ${MAX_DEPTH}`);
    return list;
  }
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | WireType.bytes)) list.push(readJsonValue(context, reader.message(), `${path}[${list.length}]`, depth + 1));
    else reader.skip(tag);
  }
  return list;
}

function readJsonValue(context: DecodeContext, reader: ProtoReader, path: string, depth: number): unknown {
  let value: unknown = null;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 8) {
      reader.uint32();
      value = null;
    } else if (tag === 17) value = finite(context, reader.double(), path);
    else if (tag === 26) value = reader.string();
    else if (tag === 32) value = reader.bool();
    else if (tag === 42) value = readStruct(context, reader.message(), {}, path, depth);
    else if (tag === 50) value = readList(context, reader.message(), path, depth);
    else reader.skip(tag);
  }
  return value;
}

function finite(context: DecodeContext, value: number, path: string): number {
  if (!Number.isFinite(value)) context.faults.add(path, `${value} is not a JSON number`);
  return value;
}
