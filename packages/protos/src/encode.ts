import { ProtoWriter, WireType } from '@meltemi/base';
import { writeWellKnown, type WritePlace } from './encode-well-known.ts';
import { createFaults, show } from './faults.ts';
import { addFault, childPlace, isTooDeep, rootPlace } from './place.ts';
import { checkScalar, isDefault, writeScalar } from './scalars.ts';
import type { FieldSchema, MessageSchema, Schema, ValueType } from './schema.ts';

/**
 * ProtoJSON to bytes. Deterministic: fields in the order of their numbers, map entries in the order of their keys, so equal content is
 * equal bytes. Throws MeshError `protos/encode` with every fault.
 */
export function encodeMessage(schema: Schema, message: MessageSchema, json: object): Uint8Array {
  const writer = new ProtoWriter(1024);
  const faults = createFaults();
  writeMessage(rootPlace({ writer, faults, schema, writeMessage }), message, json);
  faults.throwIfAny('protos/encode', message.fullName);
  return writer.take();
}

function writeMessage(place: WritePlace, message: MessageSchema, json: unknown): void {
  if (isTooDeep(place) || writeWellKnown(place, message.fullName, json)) return;
  if (!isRecord(json)) return addFault(place, `expected an object, got ${show(json)}`);
  for (const [field, value] of fieldsOf(place, message, json)) writeField(place, field, value);
}

function writeField(place: WritePlace, field: FieldSchema, value: unknown): void {
  if (field.mapKey !== undefined) writeMap(place, field, value);
  else if (field.repeated) writeRepeated(place, field, value);
  else if (field.presence || !isDefaultOf(field.value, value)) {
    place.shared.writer.tag(field.number, field.value.wire);
    writeValue(place, field.value, value, field.name);
  }
}

function writeRepeated(place: WritePlace, field: FieldSchema, value: unknown): void {
  if (!Array.isArray(value)) return addFault(place, `expected a list, got ${show(value)}`, field.name);
  if (value.length === 0) return;
  const { writer } = place.shared;
  const packed = field.packed ? writer.tag(field.number, WireType.bytes).begin() : undefined;
  value.forEach((item, i) => {
    if (packed === undefined) writer.tag(field.number, field.value.wire);
    writeValue(place, field.value, item, field.name, i);
  });
  if (packed !== undefined) writer.finish(packed);
}

function writeMap(place: WritePlace, field: FieldSchema, value: unknown): void {
  if (!isRecord(value)) return addFault(place, `expected an object, got ${show(value)}`, field.name);
  const { writer } = place.shared;
  for (const key of Object.keys(value).sort()) {
    const segment = `${field.name}[${show(key)}]`;
    const mark = writer.tag(field.number, WireType.bytes).begin();
    writeMapKey(place, field, key, segment);
    writer.tag(2, field.value.wire);
    writeValue(place, field.value, value[key], segment);
    writer.finish(mark);
  }
}

function writeMapKey(place: WritePlace, field: FieldSchema, key: string, segment: string): void {
  const scalar = field.mapKey ?? 'string';
  const checked = checkScalar(scalar, scalar === 'bool' && (key === 'true' || key === 'false') ? key === 'true' : key);
  if ('fault' in checked) return addFault(place, `the key: ${checked.fault}`, segment);
  writeScalar(place.shared.writer.tag(1, scalar === 'string' ? WireType.bytes : WireType.varint), scalar, checked.value);
}

/** `segment` and `index` say where the value stands, should something be wrong with it. */
// oxlint-disable-next-line max-params -- called for every value: an object for each would be garbage
function writeValue(place: WritePlace, type: ValueType, value: unknown, segment: string, index?: number): void {
  const { writer } = place.shared;
  if (type.t === 'message') {
    const mark = writer.begin();
    writeMessage(childPlace(place, segment, index), type.message, value);
    writer.finish(mark);
  } else if (type.t === 'enum') {
    const fault = writeEnum(place, type, value);
    if (fault !== undefined) addFault(place, fault, segment, index);
  } else if (type.scalar === 'string' && typeof value === 'string') writer.string(value);
  else {
    const checked = checkScalar(type.scalar, value);
    if ('fault' in checked) addFault(place, checked.fault, segment, index);
    else writeScalar(writer, type.scalar, checked.value);
  }
}

/** Returns what is wrong with the value, if anything. */
function writeEnum(place: WritePlace, type: ValueType & { t: 'enum' }, value: unknown): string | undefined {
  const number = typeof value === 'string' ? type.enumeration.byName.get(value) : value;
  if (typeof number === 'number' && Number.isInteger(number)) {
    place.shared.writer.int32(number | 0);
    return undefined;
  }
  const names = [...type.enumeration.byName.keys()].slice(0, 12).join(', ');
  return `expected one of ${names}, got ${show(value)}`;
}

function isDefaultOf(type: ValueType, value: unknown): boolean {
  if (type.t === 'message') return false;
  if (type.t === 'enum') return value === 0 || (typeof value === 'string' && type.enumeration.byName.get(value) === 0);
  return isDefault(value) && !('fault' in checkScalar(type.scalar, value));
}

/** The fields that are set, in the order of their numbers; unknown names and oneofs set twice become faults. */
function fieldsOf(place: WritePlace, message: MessageSchema, json: Readonly<Record<string, unknown>>): readonly (readonly [FieldSchema, unknown])[] {
  const fields: (readonly [FieldSchema, unknown])[] = [];
  let last = 0;
  let isSorted = true;
  for (const key of Object.keys(json)) {
    const value = json[key];
    if (value === undefined || key === '@type') continue;
    const field = message.byName.get(key);
    if (value === null && !takesNull(field)) continue;
    if (field === undefined) {
      addFault(place, `no such field in ${message.fullName}`, key);
      continue;
    }
    if (field.siblings.length > 0) checkSiblings(place, field, fields);
    isSorted &&= field.number > last;
    last = field.number;
    fields.push([field, value]);
  }
  return isSorted ? fields : fields.sort(([a], [b]) => a.number - b.number);
}

function checkSiblings(place: WritePlace, field: FieldSchema, set: readonly (readonly [FieldSchema, unknown])[]): void {
  const other = field.siblings.find((name) => set.some(([known]) => known.name === name));
  if (other !== undefined) addFault(place, `${other} is set already, and only one of ${field.oneof ?? ''} may be`, field.name);
}

/** Null means absent, except where null is a value. */
function takesNull(field: FieldSchema | undefined): boolean {
  return field?.value.t === 'message' && field.value.message.fullName === 'google.protobuf.Value';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
