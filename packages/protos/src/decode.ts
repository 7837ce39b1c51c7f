import { MeshError, ProtoReader, WireType } from '@meltemi/base';
import { createFaults, join, MAX_DEPTH, type Faults } from './faults.ts';
import { isDefault, readScalar } from './scalars.ts';
import type { FieldSchema, MessageSchema, Schema, ValueType } from './schema.ts';
import { createWellKnownDecoder } from './decode-well-known.ts';

export interface DecodeContext {
  readonly faults: Faults;
  readonly schema: Schema;
  readonly depth: number;
}

export type JsonRecord = Record<string, unknown>;
export type MessageDecoder = (context: DecodeContext, message: MessageSchema, reader: ProtoReader, into: unknown, path: string) => unknown;

/**
 * Bytes to ProtoJSON. A malformed nested message is reported with its path and the rest is read on, because its length is known;
 * so one look shows all that is wrong.
 */
export function createDecoder(schema: Schema): (message: MessageSchema, bytes: Uint8Array) => JsonRecord {
  const wellKnown = createWellKnownDecoder(readMessage);

  function readMessage(context: DecodeContext, message: MessageSchema, reader: ProtoReader, into: unknown, path: string): unknown {
    if (context.depth > MAX_DEPTH) {
      context.faults.add(path, `nested deeper than ${MAX_DEPTH}`);
      return {};
    }
    try {
      const special = wellKnown(context, message.fullName, reader, into, path);
      if (special !== undefined) return special.value;
      const result = (into ?? {}) as JsonRecord;
      const inner = { ...context, depth: context.depth + 1 };
      for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
        const field = message.byNumber.get(tag >>> 3);
        if (field === undefined || !readField(inner, field, tag & 7, reader, result, join(path, field.name), message)) reader.skip(tag);
      }
      return result;
    } catch (error) {
      context.faults.add(path, MeshError.from(error, 'protos/decode').message);
      return into ?? {};
    }
  }

  /** False when the wire type is not the field's: then it is an unknown field. */
  function readField(context: DecodeContext, field: FieldSchema, wire: number, reader: ProtoReader, result: JsonRecord, path: string, message: MessageSchema): boolean {
    if (field.mapKey !== undefined) {
      if (wire !== WireType.bytes) return false;
      readMapEntry(context, field, reader.message(), result, path);
      return true;
    }
    if (field.repeated) return readRepeated(context, field, wire, reader, result, path);
    if (wire !== field.value.wire) return false;
    const value = readValue(context, field.value, reader, result[field.name], path);
    if (field.oneof !== undefined) clearOneof(message, field, result);
    // A default without presence equals absence, and ProtoJSON shows it as that.
    if (!field.presence && field.value.t !== 'message' && isUnset(field.value, value)) delete result[field.name];
    else result[field.name] = value;
    return true;
  }

  function readRepeated(context: DecodeContext, field: FieldSchema, wire: number, reader: ProtoReader, result: JsonRecord, path: string): boolean {
    const packed = wire === WireType.bytes && field.value.wire !== WireType.bytes;
    if (wire !== field.value.wire && !packed) return false;
    const list = (result[field.name] ??= []) as unknown[];
    if (!packed) {
      list.push(readValue(context, field.value, reader, undefined, `${path}[${list.length}]`));
      return true;
    }
    const inner = reader.message();
    while (inner.position < inner.end) list.push(readValue(context, field.value, inner, undefined, path));
    if (list.length === 0) delete result[field.name];
    return true;
  }

  function readMapEntry(context: DecodeContext, field: FieldSchema, reader: ProtoReader, result: JsonRecord, path: string): void {
    let key: string | number | boolean = field.mapKey === 'string' ? '' : field.mapKey === 'bool' ? false : 0;
    let value: unknown;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag >>> 3 === 1 && (tag & 7) === (field.mapKey === 'string' ? WireType.bytes : WireType.varint)) key = readScalar(reader, field.mapKey!);
      else if (tag >>> 3 === 2 && (tag & 7) === field.value.wire) value = readValue(context, field.value, reader, undefined, `${path}["${key}"]`);
      else reader.skip(tag);
    }
    const map = (result[field.name] ??= {}) as JsonRecord;
    setKey(map, String(key), value ?? zeroOf(context, field.value, path));
  }

  function readValue(context: DecodeContext, type: ValueType, reader: ProtoReader, into: unknown, path: string): unknown {
    if (type.t === 'message') return readMessage(context, type.message, reader.message(), into, path);
    if (type.t === 'scalar') return readScalar(reader, type.scalar);
    const number = reader.int32();
    return type.enumeration.byNumber.get(number) ?? number;
  }

  function zeroOf(context: DecodeContext, type: ValueType, path: string): unknown {
    if (type.t === 'message') return readMessage(context, type.message, new ProtoReader(new Uint8Array(0)), undefined, path);
    if (type.t === 'enum') return type.enumeration.byNumber.get(0) ?? 0;
    return type.scalar === 'string' || type.scalar === 'bytes' ? '' : type.scalar === 'bool' ? false : 0;
  }

  return (message, bytes) => {
    const faults = createFaults();
    const result = readMessage({ faults, schema, depth: 0 }, message, new ProtoReader(bytes), undefined, '');
    faults.throwIfAny('protos/decode', message.fullName);
    return result as JsonRecord;
  };
}

function isUnset(type: ValueType, value: unknown): boolean {
  return type.t === 'enum' ? value === (type.enumeration.byNumber.get(0) ?? 0) : isDefault(value);
}

/** The last member of a oneof wins. */
function clearOneof(message: MessageSchema, field: FieldSchema, result: JsonRecord): void {
  for (const name of Object.keys(result)) {
    if (name !== field.name && message.byName.get(name)?.oneof === field.oneof) delete result[name];
  }
}

/** Sets a key that came from the wire: `__proto__` is a name like any other. */
export function setKey(record: JsonRecord, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}
