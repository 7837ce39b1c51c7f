import { WireType, type ProtoWriter } from '@meltemi/base';
import { show } from './faults.ts';
import { addFault, bareMessage, childPlace, isTooDeep, type Collecting, type Place } from './place.ts';
import { checkScalar, isDefault, writeScalar } from './scalars.ts';
import type { MessageSchema, Scalar } from './schema.ts';
import { isWellKnown, parseDuration, parseTimestamp, WRAPPERS, type SecondsNanos } from './well-known.ts';

/** What writing shares over one message. */
interface Writing extends Collecting {
  readonly writer: ProtoWriter;
  readonly writeMessage: (place: Place<Writing>, message: MessageSchema, json: unknown) => void;
}

export type WritePlace = Place<Writing>;

const FORMS: Readonly<Record<string, (place: WritePlace, json: unknown) => void>> = {
  'google.protobuf.Any': writeAny,
  'google.protobuf.Duration': (place, json) => writeSeconds(place, parseDuration(json), json, 'a duration such as "5s" or "0.25s"'),
  'google.protobuf.Timestamp': (place, json) => writeSeconds(place, parseTimestamp(json), json, 'a time such as "2026-01-02T03:04:05Z"'),
  'google.protobuf.FieldMask': writeFieldMask,
  'google.protobuf.Struct': writeStruct,
  'google.protobuf.ListValue': writeList,
  'google.protobuf.Value': writeJsonValue,
};

/** Writes a message that has a ProtoJSON form of its own; returns whether it was one. */
export function writeWellKnown(place: WritePlace, fullName: string, json: unknown): boolean {
  if (!isWellKnown(fullName)) return false;
  const wrapped = WRAPPERS[fullName];
  if (wrapped === undefined) FORMS[fullName]?.(place, json);
  else writeWrapped(place, wrapped, json);
  return true;
}

function writeWrapped(place: WritePlace, scalar: Scalar, json: unknown): void {
  const checked = checkScalar(scalar, json);
  if ('fault' in checked) addFault(place, checked.fault);
  else if (!isDefault(checked.value)) writeScalar(place.shared.writer.tag(1, scalarWire(scalar)), scalar, checked.value);
}

/** Wire types of the scalars that have wrappers. */
export function scalarWire(scalar: Scalar): number {
  if (scalar === 'double') return WireType.fixed64;
  if (scalar === 'float') return WireType.fixed32;
  return scalar === 'string' || scalar === 'bytes' ? WireType.bytes : WireType.varint;
}

function writeSeconds(place: WritePlace, parsed: SecondsNanos | undefined, json: unknown, expected: string): void {
  const { writer } = place.shared;
  if (parsed === undefined) return addFault(place, `expected ${expected}, got ${show(json)}`);
  if (parsed.seconds !== 0n) writer.tag(1, WireType.varint).uint64(BigInt.asUintN(64, parsed.seconds));
  if (parsed.nanos !== 0) writer.tag(2, WireType.varint).int32(parsed.nanos);
}

function writeFieldMask(place: WritePlace, json: unknown): void {
  if (typeof json !== 'string') return addFault(place, `expected paths joined by commas, got ${show(json)}`);
  for (const item of json === '' ? [] : json.split(',')) {
    place.shared.writer.tag(1, WireType.bytes).string(item.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  }
}

/** An Any: the message is encoded by its `@type`; `{ '@type', value: base64 }` passes through for a type that is not loaded. */
function writeAny(place: WritePlace, json: unknown): void {
  const record = typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : undefined;
  const typeUrl = record?.['@type'];
  // An Any may be empty: no type and no value.
  if (record !== undefined && Object.keys(record).length === 0) return;
  if (record === undefined || typeof typeUrl !== 'string') return addFault(place, `expected an object with "@type", got ${show(json)}`);
  const { writer, schema, writeMessage } = place.shared;
  const fullName = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const message = isWellKnown(fullName) ? bareMessage(fullName) : schema.message(fullName);
  writer.tag(1, WireType.bytes).string(typeUrl);
  if (message === undefined) return writeOpaque(place, record, typeUrl);
  const mark = writer.tag(2, WireType.bytes).begin();
  writeMessage(childPlace(place, ''), message, isWellKnown(fullName) ? record['value'] : record);
  writer.finish(mark);
}

function writeOpaque(place: WritePlace, record: Readonly<Record<string, unknown>>, typeUrl: string): void {
  const checked = checkScalar('bytes', record['value'] ?? '');
  const others = Object.keys(record).filter((key) => key !== '@type' && key !== 'value');
  if ('fault' in checked || others.length > 0) {
    return addFault(place, `type ${show(typeUrl)} is not known here; give its bytes as base64 in "value", or use xds.type.v3.TypedStruct`);
  }
  writeScalar(place.shared.writer.tag(2, WireType.bytes), 'bytes', checked.value);
}

function writeStruct(place: WritePlace, json: unknown): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return addFault(place, `expected an object, got ${show(json)}`);
  if (isTooDeep(place)) return;
  const { writer } = place.shared;
  for (const key of Object.keys(json).sort()) {
    const value = (json as Readonly<Record<string, unknown>>)[key];
    if (value === undefined) continue;
    const entry = writer.tag(1, WireType.bytes).begin();
    const inner = writer.tag(1, WireType.bytes).string(key).tag(2, WireType.bytes).begin();
    writeJsonValue(childPlace(place, key), value);
    writer.finish(inner).finish(entry);
  }
}

function writeList(place: WritePlace, json: unknown): void {
  if (!Array.isArray(json)) return addFault(place, `expected a list, got ${show(json)}`);
  if (isTooDeep(place)) return;
  json.forEach((item, i) => {
    const mark = place.shared.writer.tag(1, WireType.bytes).begin();
    writeJsonValue(childPlace(place, `[${i}]`), item);
    place.shared.writer.finish(mark);
  });
}

function writeJsonValue(place: WritePlace, json: unknown): void {
  const { writer } = place.shared;
  if (json === null) writer.tag(1, WireType.varint).uint32(0);
  else if (typeof json === 'number' && Number.isFinite(json)) writer.tag(2, WireType.fixed64).double(json);
  else if (typeof json === 'string') writer.tag(3, WireType.bytes).string(json);
  else if (typeof json === 'boolean') writer.tag(4, WireType.varint).bool(json);
  else if (typeof json === 'object') {
    const isList = Array.isArray(json);
    const mark = writer.tag(isList ? 6 : 5, WireType.bytes).begin();
    if (isList) writeList(place, json);
    else writeStruct(place, json);
    writer.finish(mark);
  } else addFault(place, `expected a JSON value, got ${show(json)}`);
}
