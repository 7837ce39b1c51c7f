import { ProtoWriter, WireType } from '@meltemi/base';
import { createFaults, join, MAX_DEPTH, show, type Faults } from './faults.ts';
import { checkScalar, isDefault, writeScalar } from './scalars.ts';
import type { FieldSchema, MessageSchema, Schema, ValueType } from './schema.ts';
import { createWellKnownEncoder } from './encode-well-known.ts';

/** What encoding a message needs at every level. */
export interface EncodeContext {
  readonly writer: ProtoWriter;
  readonly faults: Faults;
  readonly schema: Schema;
  readonly depth: number;
}

export type MessageEncoder = (context: EncodeContext, message: MessageSchema, json: unknown, path: string) => void;

/**
 * ProtoJSON to bytes. Deterministic: fields in the order of their numbers, map entries in the order of their keys, so equal content is
 * equal bytes.
 */
export function createEncoder(schema: Schema): (message: MessageSchema, json: object) => Uint8Array {
  const wellKnown = createWellKnownEncoder(writeMessage);

  function writeMessage(context: EncodeContext, message: MessageSchema, json: unknown, path: string): void {
    if (context.depth > MAX_DEPTH) return context.faults.add(path, `nested deeper than ${MAX_DEPTH}`);
    if (wellKnown(context, message.fullName, json, path)) return;
    if (!isRecord(json)) return context.faults.add(path, `expected an object, got ${show(json)}`);
    const inner = { ...context, depth: context.depth + 1 };
    for (const [field, value] of fieldsOf(context, message, json, path)) writeField(inner, field, value, join(path, field.name));
  }

  function writeField(context: EncodeContext, field: FieldSchema, value: unknown, path: string): void {
    if (field.mapKey !== undefined) return writeMap(context, field, value, path);
    if (!field.repeated) return writeSingle(context, field, value, path);
    if (!Array.isArray(value)) return context.faults.add(path, `expected a list, got ${show(value)}`);
    if (value.length === 0) return;
    if (field.packed) {
      context.writer.tag(field.number, WireType.bytes);
      const mark = context.writer.begin();
      value.forEach((item, i) => writeValue(context, field.value, item, `${path}[${i}]`));
      context.writer.finish(mark);
      return;
    }
    value.forEach((item, i) => {
      context.writer.tag(field.number, field.value.wire);
      writeValue(context, field.value, item, `${path}[${i}]`);
    });
  }

  function writeSingle(context: EncodeContext, field: FieldSchema, value: unknown, path: string): void {
    if (!field.presence && field.value.t !== 'message' && isDefaultOf(field.value, value)) return;
    context.writer.tag(field.number, field.value.wire);
    writeValue(context, field.value, value, path);
  }

  function writeMap(context: EncodeContext, field: FieldSchema, value: unknown, path: string): void {
    if (!isRecord(value)) return context.faults.add(path, `expected an object, got ${show(value)}`);
    for (const key of Object.keys(value).sort()) {
      const entryPath = `${path}[${show(key)}]`;
      context.writer.tag(field.number, WireType.bytes);
      const mark = context.writer.begin();
      writeMapKey(context, field, key, entryPath);
      context.writer.tag(2, field.value.wire);
      writeValue(context, field.value, value[key], entryPath);
      context.writer.finish(mark);
    }
  }

  function writeValue(context: EncodeContext, type: ValueType, value: unknown, path: string): void {
    if (type.t === 'message') {
      const mark = context.writer.begin();
      writeMessage(context, type.message, value, path);
      context.writer.finish(mark);
    } else if (type.t === 'enum') writeEnum(context, type, value, path);
    else {
      const checked = checkScalar(type.scalar, value);
      if ('fault' in checked) context.faults.add(path, checked.fault);
      else writeScalar(context.writer, type.scalar, checked.value);
    }
  }

  return (message, json) => {
    const faults = createFaults();
    // A writer of its own: encoding may be entered again while an Any is written, and a throw leaves nothing behind.
    const writer = new ProtoWriter(1024);
    writeMessage({ writer, faults, schema, depth: 0 }, message, json, '');
    faults.throwIfAny('protos/encode', message.fullName);
    return writer.take();
  };
}

function isDefaultOf(type: ValueType, value: unknown): boolean {
  if (type.t === 'enum') return value === 0 || (typeof value === 'string' && type.enumeration.byName.get(value) === 0);
  return isDefault(value) && !('fault' in checkScalar((type as { scalar: 'bool' }).scalar, value));
}

function writeMapKey(context: EncodeContext, field: FieldSchema, key: string, path: string): void {
  const scalar = field.mapKey!;
  const checked = checkScalar(scalar, scalar === 'bool' && (key === 'true' || key === 'false') ? key === 'true' : key);
  if ('fault' in checked) return context.faults.add(path, `the key: ${checked.fault}`);
  context.writer.tag(1, scalar === 'string' ? WireType.bytes : WireType.varint);
  writeScalar(context.writer, scalar, checked.value);
}

function writeEnum(context: EncodeContext, type: ValueType & { t: 'enum' }, value: unknown, path: string): void {
  const number = typeof value === 'string' ? type.enumeration.byName.get(value) : value;
  if (typeof number === 'number' && Number.isInteger(number)) {
    context.writer.int32(number | 0);
    return;
  }
  const names = [...type.enumeration.byName.keys()].slice(0, 12).join(', ');
  context.faults.add(path, `expected one of ${names}, got ${show(value)}`);
}

/** The fields that are set, in the order of their numbers; unknown names and oneofs set twice become faults. */
function fieldsOf(context: EncodeContext, message: MessageSchema, json: Readonly<Record<string, unknown>>, path: string): readonly [FieldSchema, unknown][] {
  const fields: [FieldSchema, unknown][] = [];
  let oneofs: Map<string, string> | undefined;
  for (const key of Object.keys(json)) {
    const value = json[key];
    if (value === undefined || key === '@type') continue;
    const field = message.byName.get(key);
    // Null means absent, except where null is a value.
    if (value === null && field?.value.t !== 'message') continue;
    if (value === null && (field?.value as { message: MessageSchema }).message.fullName !== 'google.protobuf.Value') continue;
    if (field === undefined) {
      context.faults.add(join(path, key), `no such field in ${message.fullName}`);
      continue;
    }
    if (field.oneof !== undefined) {
      oneofs ??= new Map();
      const other = oneofs.get(field.oneof);
      if (other !== undefined) context.faults.add(join(path, key), `${other} is set already, and only one of ${field.oneof} may be`);
      oneofs.set(field.oneof, field.name);
    }
    fields.push([field, value]);
  }
  return fields.sort(([a], [b]) => a.number - b.number);
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
