import { MeshError, ProtoReader, WireType } from '@meltemi/base';
import { readWellKnown, setKey, type JsonRecord, type ReadPlace } from './decode-well-known.ts';
import { createFaults } from './faults.ts';
import { addFault, childPlace, fieldAt, isTooDeep, rootPlace } from './place.ts';
import { isDefault, readScalar, zeroOf } from './scalars.ts';
import type { FieldSchema, MessageSchema, Schema, ValueType } from './schema.ts';

/**
 * Bytes to ProtoJSON. A malformed nested message is reported with its path and the rest is read on, because its length is known;
 * so one look shows all that is wrong. Throws MeshError `protos/decode` with every fault. `onUnknown` hears of each field that the schema does not have.
 */
export function decodeMessage(schema: Schema, message: MessageSchema, bytes: Uint8Array, onUnknown?: (field: string) => void): JsonRecord {
  const faults = createFaults();
  const result = readMessage(rootPlace({ faults, schema, readMessage, onUnknown }), message, new ProtoReader(bytes), undefined);
  faults.throwIfAny('protos/decode', message.fullName);
  return result as JsonRecord;
}

/** `into`: what an earlier occurrence of the same field left, to be merged with; else undefined. */
function readMessage(place: ReadPlace, message: MessageSchema, reader: ProtoReader, into: unknown): unknown {
  if (isTooDeep(place)) return {};
  try {
    const special = readWellKnown(place, message.fullName, reader, into);
    if (special !== undefined) return special.value;
    const result = (into ?? {}) as JsonRecord;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const field = message.byNumber.get(tag >>> 3);
      if (field !== undefined && readField(place, field, reader, result)) continue;
      place.shared.onUnknown?.(fieldAt(place, tag >>> 3));
      reader.skip(tag);
    }
    return result;
  } catch (error) {
    addFault(place, MeshError.from(error, 'protos/decode').message);
    return into ?? {};
  }
}

/** False when the wire type is not the field's: then it is an unknown field. */
function readField(place: ReadPlace, field: FieldSchema, reader: ProtoReader, result: JsonRecord): boolean {
  if (field.mapKey !== undefined) return readMapEntry(place, field, reader, result);
  if (field.repeated) return readRepeated(place, field, reader, result);
  if (reader.wire !== field.value.wire) return false;
  const value = readValue(childOf(place, field.value, field.name), field.value, reader, result[field.name]);
  // The last member of a oneof wins.
  for (const sibling of field.siblings) delete result[sibling];
  // A default without presence equals absence, and ProtoJSON shows it as that.
  if (!field.presence && isUnset(field.value, value)) delete result[field.name];
  else result[field.name] = value;
  return true;
}

/** Only messages need a place of their own: faults of scalars are told at the message that holds them. */
function childOf(place: ReadPlace, type: ValueType, segment: string): ReadPlace {
  return type.t === 'message' ? childPlace(place, segment) : place;
}

function readRepeated(place: ReadPlace, field: FieldSchema, reader: ProtoReader, result: JsonRecord): boolean {
  const packed = reader.wire === WireType.bytes && field.value.wire !== WireType.bytes;
  if (reader.wire !== field.value.wire && !packed) return false;
  const list = (result[field.name] ??= []) as unknown[];
  if (!packed) {
    list.push(readValue(childOf(place, field.value, `${field.name}[${list.length}]`), field.value, reader, undefined));
    return true;
  }
  const inner = reader.message();
  while (inner.position < inner.end) list.push(readValue(place, field.value, inner, undefined));
  if (list.length === 0) delete result[field.name];
  return true;
}

function readMapEntry(place: ReadPlace, field: FieldSchema, outer: ProtoReader, result: JsonRecord): boolean {
  if (outer.wire !== WireType.bytes) return false;
  const scalar = field.mapKey ?? 'string';
  const keyWire = scalar === 'string' ? WireType.bytes : WireType.varint;
  const reader = outer.message();
  let key = zeroOf(scalar);
  let value: unknown;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1 && reader.wire === keyWire) key = readScalar(reader, scalar);
    else if (tag >>> 3 === 2 && reader.wire === field.value.wire)
      value = readValue(childOf(place, field.value, `${field.name}["${key}"]`), field.value, reader, undefined);
    else reader.skip(tag);
  }
  const map = (result[field.name] ??= {}) as JsonRecord;
  setKey(map, String(key), value ?? absentValue(place, field.value));
  return true;
}

function readValue(place: ReadPlace, type: ValueType, reader: ProtoReader, into: unknown): unknown {
  if (type.t === 'message') return readMessage(place, type.message, reader.message(), into);
  if (type.t === 'scalar') return readScalar(reader, type.scalar);
  const number = reader.int32();
  return type.enumeration.byNumber.get(number) ?? number;
}

/** A map entry may leave its value out. */
function absentValue(place: ReadPlace, type: ValueType): unknown {
  if (type.t === 'message') return readMessage(place, type.message, new ProtoReader(new Uint8Array(0)), undefined);
  return type.t === 'enum' ? (type.enumeration.byNumber.get(0) ?? 0) : zeroOf(type.scalar);
}

function isUnset(type: ValueType, value: unknown): boolean {
  if (type.t === 'message') return false;
  return type.t === 'enum' ? value === (type.enumeration.byNumber.get(0) ?? 0) : isDefault(value);
}
