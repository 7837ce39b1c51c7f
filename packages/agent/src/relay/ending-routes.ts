import { MeshError, ProtoReader, ProtoWriter, WireType } from '@meltemi/base';

/** `RouteConfiguration.virtual_hosts`, `VirtualHost.routes`, `Route.metadata`, `Metadata.filter_metadata`, `Struct.fields`, `Value.number_value`. */
const VIRTUAL_HOSTS = 2;
const ROUTES = 3;
const REQUIRE_TLS = 4;
const METADATA = 4;
const ENTRIES = 1;
const NUMBER = 2;
const NAMESPACE = 'meltemi.io';
const UNTIL = 'until';

/** What of a route table remains at a time, and when the next of its routes ends; undefined: it holds no route that ends by itself. */
export interface RemainingRoutes {
  /** The same object when nothing has ended. */
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970; Infinity: what is left stays. */
  readonly nextMs: number;
}

const UNTIL_BYTES = new TextEncoder().encode(UNTIL);

/**
 * A route whose metadata say `until` is gone by then: behind it stands what counts in its place. Everything else is copied byte by byte, whatever it is. A
 * table that cannot be read stays as it is: its proxy will say so.
 */
export function remainingRoutes(bytes: Uint8Array, nowMs: number): RemainingRoutes | undefined {
  // Nearly all tables say no such thing.
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(UNTIL_BYTES) < 0) return undefined;
  try {
    const found = { nextMs: Infinity, ended: false };
    const kept = filtered(new ProtoReader(bytes), VIRTUAL_HOSTS, (host) => remainingHost(host, nowMs, found));
    if (!found.ended && found.nextMs === Infinity) return undefined;
    return { bytes: found.ended ? kept : bytes, nextMs: found.nextMs };
  } catch (error) {
    if (error instanceof MeshError) return undefined;
    throw error;
  }
}

/**
 * A host whose last route has ended is gone: its requests are for the host that has the wider domain, as if it had never been there. Not
 * so one that sends its requests on to HTTPS, which it does without a route.
 */
function remainingHost(host: ProtoReader, nowMs: number, found: { nextMs: number; ended: boolean }): Uint8Array | undefined {
  const { buffer, position: begin, end } = host;
  const routes = { kept: 0, ended: 0 };
  const remaining = filtered(host, ROUTES, (route) => {
    const { position } = route;
    const until = untilOf(route);
    if (until <= nowMs) {
      routes.ended++;
      return undefined;
    }
    routes.kept++;
    found.nextMs = Math.min(found.nextMs, until);
    return buffer.subarray(position, route.end);
  });
  if (routes.ended === 0) return remaining;
  found.ended = true;
  return routes.kept > 0 || hasField(new ProtoReader(buffer.subarray(begin, end)), REQUIRE_TLS) ? remaining : undefined;
}

function hasField(reader: ProtoReader, field: number): boolean {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === field) return true;
    reader.skip(tag);
  }
  return false;
}

/** A message whose fields of this number are what `map` makes of them; undefined leaves one out. */
function filtered(reader: ProtoReader, field: number, map: (inner: ProtoReader) => Uint8Array | undefined): Uint8Array {
  const writer = new ProtoWriter();
  for (;;) {
    const begin = reader.position;
    const tag = reader.tag();
    if (tag === 0) return writer.take();
    if (tag >>> 3 === field && reader.wire === WireType.bytes) {
      const inner = map(reader.message());
      if (inner !== undefined) writer.tag(field, WireType.bytes).bytes(inner);
    } else {
      reader.skip(tag);
      writer.raw(reader.buffer.subarray(begin, reader.position));
    }
  }
}

/** When the route ends; Infinity: never. */
function untilOf(route: ProtoReader): number {
  const metadata = messageAt(route, METADATA);
  const struct = metadata === undefined ? undefined : entry(metadata, NAMESPACE);
  const value = struct === undefined ? undefined : entry(struct, UNTIL);
  if (value === undefined) return Infinity;
  for (let tag = value.tag(); tag !== 0; tag = value.tag()) {
    if (tag >>> 3 === NUMBER && value.wire === WireType.fixed64) return value.double();
    value.skip(tag);
  }
  return Infinity;
}

function messageAt(reader: ProtoReader, field: number): ProtoReader | undefined {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === field && reader.wire === WireType.bytes) return reader.message();
    reader.skip(tag);
  }
  return undefined;
}

/** The value of a map's key. */
function entry(map: ProtoReader, key: string): ProtoReader | undefined {
  for (let tag = map.tag(); tag !== 0; tag = map.tag()) {
    if (tag >>> 3 !== ENTRIES || map.wire !== WireType.bytes) {
      map.skip(tag);
      continue;
    }
    const pair = map.message();
    let name = '';
    let value: ProtoReader | undefined;
    for (let field = pair.tag(); field !== 0; field = pair.tag()) {
      if (field >>> 3 === 1 && pair.wire === WireType.bytes) name = pair.string();
      else if (field >>> 3 === 2 && pair.wire === WireType.bytes) value = pair.message();
      else pair.skip(field);
    }
    if (name === key) return value;
  }
  return undefined;
}
