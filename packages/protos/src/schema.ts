import { WireType } from '@meltemi/base';

/** A field in the stored form: name, number, type (`uint32`, or `.full.Name`), flags, oneof, map key type. */
export type StoredField = readonly [name: string, number: number, type: string, flags: number, oneof?: string, mapKey?: string];

/** Every message and enum of a profile as plain JSON: what the cache holds. */
export interface StoredSchema {
  readonly messages: Readonly<Record<string, readonly StoredField[]>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export const FieldFlag = { repeated: 1, packed: 2, presence: 4, map: 8 } as const;

export const SCALARS = [
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
] as const;
export type Scalar = (typeof SCALARS)[number];

/** What a value is: a scalar, an enum, or a message. */
export type ValueType =
  | { readonly t: 'scalar'; readonly scalar: Scalar; readonly wire: number }
  | { readonly t: 'enum'; readonly enumeration: EnumSchema; readonly wire: number }
  | { readonly t: 'message'; readonly message: MessageSchema; readonly wire: number };

export interface EnumSchema {
  readonly fullName: string;
  readonly byName: ReadonlyMap<string, number>;
  readonly byNumber: ReadonlyMap<number, string>;
}

export interface FieldSchema {
  readonly name: string;
  readonly number: number;
  readonly value: ValueType;
  readonly repeated: boolean;
  readonly packed: boolean;
  /** A set default value is told from an absent one (oneof members, `optional`). */
  readonly presence: boolean;
  readonly oneof: string | undefined;
  /** The other members of its oneof. */
  readonly siblings: readonly string[];
  /** Set for maps; `value` is then the type of the entries' values. */
  readonly mapKey: Scalar | undefined;
}

export interface MessageSchema {
  readonly fullName: string;
  /** By proto name and by lowerCamelCase name, as ProtoJSON readers accept both. */
  readonly byName: ReadonlyMap<string, FieldSchema>;
  readonly byNumber: ReadonlyMap<number, FieldSchema>;
}

/** Looks messages up by full name, building each on first use. */
export interface Schema {
  message(fullName: string): MessageSchema | undefined;
}

const SCALAR_WIRE: Readonly<Record<Scalar, number>> = {
  double: WireType.fixed64,
  float: WireType.fixed32,
  int32: WireType.varint,
  uint32: WireType.varint,
  sint32: WireType.varint,
  fixed32: WireType.fixed32,
  sfixed32: WireType.fixed32,
  int64: WireType.varint,
  uint64: WireType.varint,
  sint64: WireType.varint,
  fixed64: WireType.fixed64,
  sfixed64: WireType.fixed64,
  bool: WireType.varint,
  string: WireType.bytes,
  bytes: WireType.bytes,
};

/** The working form of a stored schema. Fields of a message are resolved lazily, so recursive types are no problem and start is cheap. */
export function buildSchema(stored: StoredSchema): Schema {
  const messages = new Map<string, MessageSchema>();
  const enums = new Map<string, EnumSchema>();

  const enumeration = (fullName: string): EnumSchema => {
    const known = enums.get(fullName);
    if (known !== undefined) return known;
    const entries = Object.entries(stored.enums[fullName] ?? {});
    // Aliases: the first name of a number is the one written.
    const byNumber = new Map<number, string>();
    for (const [name, number] of entries) if (!byNumber.has(number)) byNumber.set(number, name);
    const built: EnumSchema = { fullName, byName: new Map(entries), byNumber };
    enums.set(fullName, built);
    return built;
  };

  const valueType = (type: string): ValueType => {
    if (!type.startsWith('.')) return { t: 'scalar', scalar: type as Scalar, wire: SCALAR_WIRE[type as Scalar] };
    const fullName = type.slice(1);
    if (fullName in stored.enums) return { t: 'enum', enumeration: enumeration(fullName), wire: WireType.varint };
    const message = find(fullName);
    return { t: 'message', message: message ?? { fullName, byName: new Map(), byNumber: new Map() }, wire: WireType.bytes };
  };

  const find = (fullName: string): MessageSchema | undefined => {
    const known = messages.get(fullName);
    if (known !== undefined) return known;
    const fields = Object.hasOwn(stored.messages, fullName) ? stored.messages[fullName] : undefined;
    if (fields === undefined) return undefined;
    const built = lazyMessage(fullName, () => fields.map((field) => resolveField(field, siblingsOf(field, fields), valueType(field[2]))));
    messages.set(fullName, built);
    return built;
  };
  return { message: find };
}

function lazyMessage(fullName: string, resolve: () => readonly FieldSchema[]): MessageSchema {
  let maps: { byName: Map<string, FieldSchema>; byNumber: Map<number, FieldSchema> } | undefined;
  const load = () => {
    if (maps !== undefined) return maps;
    const fields = resolve();
    maps = { byName: new Map(fields.map((field) => [camelCase(field.name), field])), byNumber: new Map() };
    for (const field of fields) {
      maps.byName.set(field.name, field);
      maps.byNumber.set(field.number, field);
    }
    return maps;
  };
  return {
    fullName,
    get byName() {
      return load().byName;
    },
    get byNumber() {
      return load().byNumber;
    },
  };
}

function siblingsOf([name, , , , oneof]: StoredField, fields: readonly StoredField[]): readonly string[] {
  return oneof === undefined || oneof === '' ? [] : fields.filter((other) => other[4] === oneof && other[0] !== name).map((other) => other[0]);
}

function resolveField([name, number, , flags, oneof, mapKey]: StoredField, siblings: readonly string[], value: ValueType): FieldSchema {
  return {
    name,
    number,
    value,
    siblings,
    repeated: (flags & FieldFlag.repeated) !== 0,
    packed: (flags & FieldFlag.packed) !== 0,
    presence: (flags & FieldFlag.presence) !== 0,
    oneof: oneof === '' ? undefined : oneof,
    mapKey: mapKey as Scalar | undefined,
  };
}

/** The ProtoJSON name of a proto field name. */
export function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
