import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { MeshError } from '@meltemi/base';
import { FieldFlag, SCALARS, type StoredField, type StoredSchema } from './schema.ts';
import {
  ALL_FOLDERS,
  isAnnotationImport,
  OWN_PACKAGES,
  SIDECAR_FILES,
  UNLOADABLE_FILES,
  YOUNGER_ENUMS,
  YOUNGER_FIELDS,
  YOUNGER_MESSAGES,
} from './profiles.ts';
import type protobuf from 'protobufjs';

/** Where .proto files are looked for, in this order. */
export interface ProtoFolders {
  readonly envoy: string;
  readonly own: string;
}

/** Parses the files of a profile and everything they import. Throws MeshError `protos/load`. */
export function parseProtos(profile: 'sidecar' | 'all', folders: ProtoFolders): StoredSchema {
  // Not a static import: with a stored schema the parser is never needed, and loading it costs a start 20 ms.
  const library = createRequire(import.meta.url)('protobufjs') as typeof protobuf;
  const include = [folders.own, ...['envoy-api', 'xds', 'googleapis'].map((name) => join(folders.envoy, name))];
  const wanted = [...OWN_PACKAGES.flatMap((name) => protoFiles(folders.own, name)), ...(profile === 'sidecar' ? SIDECAR_FILES : allFiles(include))];
  const root = new library.Root();
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path) || isAnnotationImport(path) || UNLOADABLE_FILES.has(path)) return;
    seen.add(path);
    const common = library.common.get(path);
    if (common !== null) {
      root.addJSON(common.nested ?? {});
      return;
    }
    const parsed = library.parse(readProto(path, include), root, { keepCase: true });
    for (const imported of [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])]) visit(imported);
  };
  try {
    for (const path of wanted) visit(path);
    return store(library, root);
  } catch (error) {
    throw MeshError.from(error, 'protos/load');
  }
}

function readProto(path: string, include: readonly string[]): string {
  for (const folder of include) {
    try {
      return readFileSync(join(folder, path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new MeshError('protos/load', `No file ${path} in ${include.join(', ')}. Is @grpc/grpc-js-xds installed completely?`);
}

/** .proto files below `folder/sub`, as import paths, in a stable order. */
export function protoFiles(folder: string, sub: string): readonly string[] {
  try {
    const names = readdirSync(join(folder, sub), { recursive: true, encoding: 'utf8' });
    return names
      .filter((name) => name.endsWith('.proto'))
      .map((name) => `${sub}/${name.replaceAll('\\', '/')}`)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function allFiles(include: readonly string[]): readonly string[] {
  // v2 and v1alpha files of the same folders describe APIs that were switched off long ago.
  return include.flatMap((folder) => ALL_FOLDERS.flatMap((sub) => protoFiles(folder, sub))).filter((path) => /\/v[13]\//.test(path));
}

function store(library: typeof protobuf, root: protobuf.Root): StoredSchema {
  const messages: Record<string, readonly StoredField[]> = {};
  const enums: Record<string, Readonly<Record<string, number>>> = {};
  const walk = (namespace: protobuf.NamespaceBase): void => {
    for (const item of namespace.nestedArray) {
      const fullName = item.fullName.slice(1);
      if (item instanceof library.Enum) enums[fullName] = { ...item.values };
      if (item instanceof library.Type) {
        messages[fullName] = [...item.fieldsArray.map((field) => storeField(library, field)), ...youngerFields(fullName, item)];
      }
      if (item instanceof library.Namespace) walk(item);
    }
  };
  walk(root);
  for (const [name, fields] of Object.entries(YOUNGER_MESSAGES)) messages[name] ??= fields.map(([field, number, type]) => [field, number, type, 0]);
  for (const [name, values] of Object.entries(YOUNGER_ENUMS)) enums[name] ??= values;
  return { messages, enums };
}

function youngerFields(fullName: string, type: protobuf.Type): readonly StoredField[] {
  return YOUNGER_FIELDS.filter(([message, name]) => message === fullName && type.fields[name] === undefined).map(
    ([, name, number, valueType, rule]) => [name, number, valueType, rule === 'repeated' ? FieldFlag.repeated : 0],
  );
}

function storeField(library: typeof protobuf, field: protobuf.Field): StoredField {
  field.resolve();
  const type = field.resolvedType === null ? field.type : field.resolvedType.fullName;
  if (!(SCALARS as readonly string[]).includes(type) && !type.startsWith('.'))
    throw new MeshError('protos/load', `Type ${type} of ${field.fullName} is unknown`);
  const stored = [field.name, field.id, type, flagsOf(library, field), oneofOf(field)] as const;
  return field instanceof library.MapField ? [...stored, field.keyType] : stored;
}

/** `optional` makes a oneof of one member whose name starts with an underscore: presence, but no choice. */
function oneofOf(field: protobuf.Field): string {
  return field.partOf === null || field.partOf.name.startsWith('_') ? '' : field.partOf.name;
}

function flagsOf(library: typeof protobuf, field: protobuf.Field): number {
  const packable = field.resolvedType === null ? field.type !== 'string' && field.type !== 'bytes' : field.resolvedType instanceof library.Enum;
  return (
    (field.repeated ? FieldFlag.repeated : 0) |
    (packable && field.options?.['packed'] !== false ? FieldFlag.packed : 0) |
    (field.partOf === null ? 0 : FieldFlag.presence) |
    (field instanceof library.MapField ? FieldFlag.map : 0)
  );
}
