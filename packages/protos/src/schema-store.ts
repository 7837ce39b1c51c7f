import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashText, MeshError } from '@meltemi/base';
import { OWN_PACKAGES } from './profiles.ts';
import { parseProtos, protoFiles, type ProtoFolders } from './load-protos.ts';
import type { StoredSchema } from './schema.ts';

/** Raised when the stored form changes; also part of every cache file's name. */
const FORMAT = 3;

export interface StoreOptions {
  readonly envoyProtoDirectory?: string;
  readonly ownProtoDirectory?: string;
  readonly cacheDirectory?: string | false;
}

/**
 * The schema of a profile: built into the bundled package, else from the cache, else parsed (and cached). Parsing costs 120 ms of CPU
 * and reading a cached schema 3 ms; a demo starts twenty processes, so the cache pays.
 */
export function storedSchema(profile: 'sidecar' | 'all', options: StoreOptions): StoredSchema {
  const overridden = options.envoyProtoDirectory !== undefined || options.ownProtoDirectory !== undefined;
  const bundled = join(import.meta.dirname, schemaFileName(profile));
  if (!overridden && existsSync(bundled)) return readSchema(bundled) ?? failRead(bundled);
  const folders = protoFolders(options);
  if (options.cacheDirectory === false) return parseProtos(profile, folders);
  const file = join(options.cacheDirectory ?? userCacheDirectory(), `protos-${profile}-${cacheKey(folders)}.json`);
  const cached = readSchema(file);
  if (cached !== undefined) return cached;
  const parsed = parseProtos(profile, folders);
  writeCache(file, parsed);
  return parsed;
}

/** The file that the bundled package carries beside its code instead of .proto files. */
export function schemaFileName(profile: 'sidecar' | 'all'): string {
  return `schema-${profile}.json`;
}

function failRead(file: string): never {
  throw new MeshError('protos/load', `${file} is not a schema of format ${FORMAT}. Install meltemi again.`);
}

/** The text of a schema file. */
export function schemaText(schema: StoredSchema): string {
  return JSON.stringify({ format: FORMAT, ...schema });
}

function readSchema(file: string): StoredSchema | undefined {
  try {
    const parsed = JSON.parse(readFileSync(file, 'utf8')) as StoredSchema & { format?: unknown };
    return parsed.format === FORMAT ? parsed : undefined;
  } catch {
    // Missing, cut off or not readable: parsing the sources is always possible.
    return undefined;
  }
}

/** A cache that cannot be written costs time, nothing else. */
function writeCache(file: string, schema: StoredSchema): void {
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, schemaText(schema), { mode: 0o600 });
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}

function userCacheDirectory(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  if (xdg !== undefined && xdg !== '') return join(xdg, 'meltemi');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'meltemi');
  const local = process.env['LOCALAPPDATA'];
  if (process.platform === 'win32' && local !== undefined) return join(local, 'meltemi', 'cache');
  return join(homedir(), '.cache', 'meltemi');
}

/** Where the sources lie: as told, else what the installed packages hold. */
function protoFolders(options: StoreOptions): ProtoFolders {
  return {
    envoy: options.envoyProtoDirectory ?? join(fileURLToPath(import.meta.resolve('@grpc/grpc-js-xds/package.json')), '..', 'deps'),
    own: options.ownProtoDirectory ?? join(import.meta.dirname, '..', 'proto'),
  };
}

/** Changes whenever a source may have: place and time of Envoy's folder, content of our own files, and this package's lists. */
function cacheKey(folders: ProtoFolders): string {
  const own = OWN_PACKAGES.flatMap((name) => protoFiles(folders.own, name)).map((path) => readFileSync(join(folders.own, path), 'utf8'));
  const lists = readFileSync(join(import.meta.dirname, `profiles${import.meta.filename.slice(import.meta.filename.lastIndexOf('.'))}`), 'utf8');
  return hashText([FORMAT, folders.envoy, statSync(folders.envoy).mtimeMs, lists, ...own].join('\n'));
}
