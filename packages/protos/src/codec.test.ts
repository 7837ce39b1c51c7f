import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { MeshError } from '@meltemi/base';
import { ANY_TYPE, TYPE_URL, type Listener } from '@meltemi/protos-types';
import { loadCodec } from './codec.ts';
import { arbitraryMessage } from './testdata/arbitrary.ts';
import { YOUNGER_FIELDS, YOUNGER_MESSAGES } from './profiles.ts';
import { buildSchema } from './schema.ts';
import { storedSchema } from './schema-store.ts';
import { listener } from './testdata/listener.ts';

const codec = loadCodec('all', { cacheDirectory: false });
const schema = buildSchema(storedSchema('all', { cacheDirectory: false }));

test('a listener as the mesh writes it survives the way to bytes and back', () => {
  const bytes = codec.encode(TYPE_URL.listener, listener);
  assert.deepEqual(codec.decode(TYPE_URL.listener, bytes), listener);
});

test('equal content is equal bytes, whatever the order of members', () => {
  const a = codec.encode(TYPE_URL.listener, { name: 'a', bind_to_port: false, metadata: { filter_metadata: { x: { b: 1, a: 2 }, d: {} } } });
  const b = codec.encode(TYPE_URL.listener, { metadata: { filter_metadata: { d: {}, x: { a: 2, b: 1 } } }, bind_to_port: false, name: 'a' });
  assert.deepEqual(a, b);
});

test('encoding names every fault with its path', () => {
  const faulty = {
    name: 5,
    nme: 'x',
    traffic_direction: 'SIDEWAYS',
    listener_filters_timeout: '5 seconds',
    address: { socket_address: { port_value: -1 }, pipe: {} },
    filter_chains: [{ filters: [{ typed_config: { '@type': ANY_TYPE.tcpProxy, clster: 'a' } }] }, 7],
    access_log: [{ typed_config: { '@type': 'type.googleapis.com/no.such.Type', a: 1 } }],
  };
  let message = '';
  try {
    codec.encode(TYPE_URL.listener, faulty);
  } catch (error) {
    assert.ok(error instanceof MeshError && error.code === 'protos/encode');
    message = error.message;
  }
  for (const expected of [
    'name: expected a string, got 5',
    'nme: no such field in envoy.config.listener.v3.Listener',
    'traffic_direction: expected one of UNSPECIFIED, INBOUND, OUTBOUND, got "SIDEWAYS"',
    'listener_filters_timeout: expected a duration',
    'address.socket_address.port_value: expected a whole number from 0 to 4294967295, got -1',
    'address.pipe: socket_address is set already, and only one of address may be',
    'filter_chains[0].filters[0].typed_config.clster: no such field',
    'filter_chains[1]: expected an object, got 7',
    'access_log[0].typed_config: type "type.googleapis.com/no.such.Type" is not known here',
  ]) {
    assert.ok(message.includes(expected), `${expected}\nnot in: ${message}`);
  }
});

test('decoding names every broken part with its path and reads the rest', () => {
  const good = codec.encode(TYPE_URL.route, {
    name: 'r',
    virtual_hosts: [
      { name: 'a', domains: ['x'] },
      { name: 'b', domains: ['y'] },
    ],
  });
  const broken = good.slice();
  // Both domains become invalid UTF-8.
  for (let i = 0; i < broken.length; i++) if (broken[i] === 0x78 || broken[i] === 0x79) broken[i] = 0xff;
  assert.throws(() => codec.decode(TYPE_URL.route, broken), /virtual_hosts\[0\].*virtual_hosts\[1\]/s);
});

test('who wants to know is told of the fields that are not known, with their places', () => {
  const table = codec.encode(TYPE_URL.route, { name: 'r', virtual_hosts: [{ name: 'a', domains: ['x'] }] });
  // Field 999 of the virtual host, which lies at the end, and 1000 of the table.
  const host = table.indexOf(0x12);
  const bytes = Uint8Array.from([...table, 0xb8, 0x3e, 1, 0xc0, 0x3e, 1]);
  bytes[host + 1] = (bytes[host + 1] ?? 0) + 3;
  const unknown: string[] = [];
  assert.deepEqual(
    codec.decode(TYPE_URL.route, bytes, (field) => unknown.push(field)),
    codec.decode(TYPE_URL.route, table),
  );
  assert.deepEqual(unknown, ['virtual_hosts[0].field 999', 'field 1000']);
});

test('an Any of an unknown type stays bytes and passes through', () => {
  const any = { '@type': 'type.googleapis.com/acme.Filter', value: 'AQID' };
  const bytes = codec.encode(TYPE_URL.listener, { name: 'a', listener_filters: [{ name: 'f', typed_config: any }] });
  assert.deepEqual(codec.decode(TYPE_URL.listener, bytes).listener_filters?.[0]?.typed_config, any);
});

test('well-known types have their ProtoJSON form', () => {
  const json = {
    name: 'c',
    connect_timeout: '0.025s',
    per_connection_buffer_limit_bytes: 0,
    ring_hash_lb_config: { minimum_ring_size: '18446744073709551615' },
    metadata: { filter_metadata: { a: { n: null, t: true, l: [1, 'x', { d: -0.5 }], __proto: {} } } },
  };
  assert.deepEqual(codec.decode(TYPE_URL.cluster, codec.encode(TYPE_URL.cluster, json)), json);
});

test('a map key named __proto__ is a key', () => {
  const json = JSON.parse('{"metadata":{"filter_metadata":{"a":{"__proto__":{"x":1}}}}}') as object;
  const back = codec.decode(TYPE_URL.cluster, codec.encode(TYPE_URL.cluster, json));
  assert.equal(JSON.stringify(back), JSON.stringify(json));
});

test('younger fields than the shipped files are known', () => {
  const json = { auto_host_sni: true };
  assert.deepEqual(codec.decode(ANY_TYPE.upstreamTls, codec.encode(ANY_TYPE.upstreamTls, json)), json);
});

const TYPES = [
  TYPE_URL.listener,
  TYPE_URL.cluster,
  TYPE_URL.route,
  TYPE_URL.endpoint,
  TYPE_URL.secret,
  TYPE_URL.workload,
  ANY_TYPE.httpConnectionManager,
];

test('encode then decode is the identity, and protobufjs reads the same bytes', () => {
  const root = protobufjsRoot();
  for (const type of TYPES.map((url) => url.slice(url.indexOf('/') + 1))) {
    fc.assert(
      fc.property(arbitraryMessage(schema, type), (json) => {
        const bytes = codec.encode(type, json);
        assert.deepEqual(codec.decode(type, bytes), json);
        if (root.has(type)) assert.deepEqual(codec.decode(type, root.reencode(type, bytes)), json);
      }),
      { numRuns: 60 },
    );
  }
});

test('garbage throws MeshError or nothing', () => {
  const valid = codec.encode(TYPE_URL.listener, listener);
  const check = (bytes: Uint8Array) => {
    try {
      codec.decode(TYPE_URL.listener, bytes);
    } catch (error) {
      assert.ok(error instanceof MeshError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), check));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (edits) => {
      const mutated = valid.slice();
      for (const [at, byte] of edits) mutated[at] = byte;
      check(mutated);
      check(mutated.subarray(0, edits[0]![0]));
    }),
    { numRuns: 400 },
  );
});

test('nesting beyond the limit is refused, not a stack overflow', () => {
  let bytes: Uint8Array = new Uint8Array(0);
  // Listener filter predicates nest: not_match (field 3).
  for (let i = 0; i < 400; i++) bytes = Uint8Array.from([0x1a, ...varint(bytes.length), ...bytes]);
  assert.throws(() => codec.decode('envoy.config.listener.v3.ListenerFilterChainMatchPredicate', bytes), /nested deeper than 200/);
});

test('the cache is written, used, and a damaged one is passed over', () => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'meltemi-protos-'));
  try {
    const first = storedSchema('sidecar', { cacheDirectory });
    const [file] = readdirSync(cacheDirectory);
    assert.deepEqual(storedSchema('sidecar', { cacheDirectory }), { format: 3, ...first });
    writeFileSync(join(cacheDirectory, file!), '{"format":3,"mess');
    assert.deepEqual(storedSchema('sidecar', { cacheDirectory }), first);
    assert.ok(loadCodec('sidecar', { cacheDirectory }).has(TYPE_URL.listener));
  } finally {
    rmSync(cacheDirectory, { recursive: true });
  }
});

test('the sidecar profile holds every type that the mesh sends', () => {
  const sidecar = loadCodec('sidecar', { cacheDirectory: false });
  for (const type of [...Object.values(TYPE_URL), ...Object.values(ANY_TYPE)]) assert.ok(sidecar.has(type), type);
  const back: Listener = sidecar.decode(TYPE_URL.listener, codec.encode(TYPE_URL.listener, listener));
  assert.deepEqual(back, listener);
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

/** The same types in protobufjs' own codec, as an independent reader and writer. */
function protobufjsRoot(): { has(type: string): boolean; reencode(type: string, bytes: Uint8Array): Uint8Array } {
  const base = join(import.meta.dirname, '../node_modules/@grpc/grpc-js-xds/deps');
  const root = new protobuf.Root();
  root.resolvePath = (_, path) => {
    const folder = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].find((name) => {
      try {
        return readdirSync(join(base, name, path, '..')).includes(path.slice(path.lastIndexOf('/') + 1));
      } catch {
        return false;
      }
    });
    return folder === undefined ? join(import.meta.dirname, '../node_modules/protobufjs', path) : join(base, folder, path);
  };
  root.loadSync(['listener/v3/listener', 'cluster/v3/cluster', 'route/v3/route', 'endpoint/v3/endpoint'].map((name) => `envoy/config/${name}.proto`));
  // What Envoy got later than the shipped files: this reader would drop it as unknown.
  for (const [name, fields] of Object.entries(YOUNGER_MESSAGES)) {
    const dot = name.lastIndexOf('.');
    const type = new protobuf.Type(name.slice(dot + 1));
    for (const [field, number, fieldType] of fields) type.add(new protobuf.Field(field, number, fieldType));
    if (root.lookup(name) === null) root.define(name.slice(0, dot)).add(type);
  }
  for (const [message, name, number, fieldType, rule] of YOUNGER_FIELDS) {
    const found = root.lookup(message);
    if (found instanceof protobuf.Type && found.fields[name] === undefined) found.add(new protobuf.Field(name, number, fieldType, rule));
  }
  return {
    has: (type) => root.lookup(type) !== null,
    reencode: (type, bytes) => {
      const found = root.lookupType(type);
      return found.encode(found.decode(bytes)).finish();
    },
  };
}
