import { WireType, type ProtoWriter } from '@meltemi/base';
import type { EncodeContext, MessageEncoder } from './encode.ts';
import { join, MAX_DEPTH, show } from './faults.ts';
import { checkScalar, isDefault, writeScalar } from './scalars.ts';
import { isWellKnown, parseDuration, parseTimestamp, WRAPPERS, type SecondsNanos } from './well-known.ts';

/** Writes messages that have a ProtoJSON form of their own; returns whether it was one. */
export function createWellKnownEncoder(
  writeMessage: MessageEncoder,
): (context: EncodeContext, fullName: string, json: unknown, path: string) => boolean {
  return (context, fullName, json, path) => {
    if (!isWellKnown(fullName)) return false;
    const wrapped = WRAPPERS[fullName];
    if (wrapped !== undefined) {
      const checked = checkScalar(wrapped, json);
      if ('fault' in checked) context.faults.add(path, checked.fault);
      else if (!isDefault(checked.value)) writeScalar(context.writer.tag(1, scalarWire(wrapped)), wrapped, checked.value);
      return true;
    }
    switch (fullName) {
      case 'google.protobuf.Any':
        writeAny(context, json, path, writeMessage);
        break;
      case 'google.protobuf.Duration':
        writeSeconds(context, parseDuration(json), json, path, 'a duration such as "5s" or "0.25s"');
        break;
      case 'google.protobuf.Timestamp':
        writeSeconds(context, parseTimestamp(json), json, path, 'a time such as "2026-01-02T03:04:05Z"');
        break;
      case 'google.protobuf.FieldMask':
        writeFieldMask(context, json, path);
        break;
      case 'google.protobuf.Struct':
        writeStruct(context, json, path, 0);
        break;
      case 'google.protobuf.ListValue':
        writeList(context, json, path, 0);
        break;
      default:
        writeJsonValue(context, json, path, 0);
    }
    return true;
  };
}

function scalarWire(scalar: string): number {
  if (scalar === 'double') return WireType.fixed64;
  if (scalar === 'float') return WireType.fixed32;
  return scalar === 'string' || scalar === 'bytes' ? WireType.bytes : WireType.varint;
}

function writeSeconds(context: EncodeContext, parsed: SecondsNanos | undefined, json: unknown, path: string, expected: string): void {
  if (parsed === undefined) return context.faults.add(path, `expected ${expected}, got ${show(json)}`);
  if (parsed.seconds !== 0n) context.writer.tag(1, WireType.varint).uint64(BigInt.asUintN(64, parsed.seconds));
  if (parsed.nanos !== 0) context.writer.tag(2, WireType.varint).int32(parsed.nanos);
}

function writeFieldMask(context: EncodeContext, json: unknown, path: string): void {
  if (typeof json !== 'string') return context.faults.add(path, `expected paths joined by commas, got ${show(json)}`);
  for (const item of json === '' ? [] : json.split(',')) {
    context.writer.tag(1, WireType.bytes).string(item.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  }
}

/** An Any: the message is encoded by its `@type`; `{ '@type', value: base64 }` passes through for a type that is not loaded. */
function writeAny(context: EncodeContext, json: unknown, path: string, writeMessage: MessageEncoder): void {
  const record = typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : undefined;
  const typeUrl = record?.['@type'];
  if (record === undefined || typeof typeUrl !== 'string') {
    // An Any may be empty: no type and no value.
    if (record !== undefined && Object.keys(record).length === 0) return;
    return context.faults.add(path, `expected an object with "@type", got ${show(json)}`);
  }
  const { writer } = context;
  const fullName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const message = isWellKnown(fullName) ? { fullName, byName: new Map(), byNumber: new Map() } : context.schema.message(fullName);
  writer.tag(1, WireType.bytes).string(typeUrl);
  if (message === undefined) return writeOpaque(context, record, path, typeUrl);
  writer.tag(2, WireType.bytes);
  const mark = writer.begin();
  writeMessage({ ...context, depth: context.depth + 1 }, message, isWellKnown(fullName) ? record['value'] : record, path);
  writer.finish(mark);
}

function writeOpaque(context: EncodeContext, record: Readonly<Record<string, unknown>>, path: string, typeUrl: string): void {
  const checked = checkScalar('bytes', record['value'] ?? '');
  const others = Object.keys(record).filter((key) => key !== '@type' && key !== 'value');
  if ('fault' in checked || others.length > 0) {
    return context.faults.add(path, `type ${show(typeUrl)} is not known here; give its bytes as base64 in "value", or use xds.type.v3.TypedStruct`);
  }
  context.writer.tag(2, WireType.bytes).bytes(checked.value as Uint8Array);
}

function writeStruct(context: EncodeContext, json: unknown, path: string, depth: number): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    return context.faults.add(path, `expected an object, got ${show(json)}`);
  }
  if (depth > MAX_DEPTH) return context.faults.add(path, `nested deeper than ${MAX_DEPTH}`);
  for (const key of Object.keys(json).sort()) {
    const value = (json as Readonly<Record<string, unknown>>)[key];
    if (value === undefined) continue;
    const entry = context.writer.tag(1, WireType.bytes).begin();
    const inner = context.writer.tag(1, WireType.bytes).string(key).tag(2, WireType.bytes).begin();
    writeJsonValue(context, value, join(path, key), depth + 1);
    context.writer.finish(inner).finish(entry);
  }
}

function writeList(context: EncodeContext, json: unknown, path: string, depth: number): void {
  if (!Array.isArray(json)) return context.faults.add(path, `expected a list, got ${show(json)}`);
  if (depth > MAX_DEPTH) return context.faults.add(path, `nested deeper than ${MAX_DEPTH}`);
  json.forEach((item, i) => {
    const mark = context.writer.tag(1, WireType.bytes).begin();
    writeJsonValue(context, item, `${path}[${i}]`, depth + 1);
    context.writer.finish(mark);
  });
}

function writeJsonValue(context: EncodeContext, json: unknown, path: string, depth: number): void {
  const { writer } = context;
  if (json === null) writer.tag(1, WireType.varint).uint32(0);
  else if (typeof json === 'number' && Number.isFinite(json)) writer.tag(2, WireType.fixed64).double(json);
  else if (typeof json === 'string') writer.tag(3, WireType.bytes).string(json);
  else if (typeof json === 'boolean') writer.tag(4, WireType.varint).bool(json);
  else if (Array.isArray(json)) nested(writer, 6, () => writeList(context, json, path, depth));
  else if (typeof json === 'object') nested(writer, 5, () => writeStruct(context, json, path, depth));
  else context.faults.add(path, `expected a JSON value, got ${show(json)}`);
}

function nested(writer: ProtoWriter, field: number, write: () => void): void {
  const mark = writer.tag(field, WireType.bytes).begin();
  write();
  writer.finish(mark);
}
