import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { MeshError, ProtoWriter, WireType } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import {
  createDeltaClient,
  createSharedResource,
  decodeDeltaResponse,
  encodeDeltaResponse,
  expand,
  ZSTD_FEATURE,
  type Decompress,
  type Resource,
} from './index.ts';

const { cluster: CDS } = TYPE_URL;
const EMPTY = { typeUrl: CDS, nonce: '1', systemVersion: '', removed: [] };
const compress = (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes);
const decompress: Decompress = (frame, maxOutputLength) => zstdDecompressSync(frame, { maxOutputLength });

function resourceOf(name: string, size: number, noise = false): Resource {
  const bytes = new Uint8Array(size).fill(7);
  if (noise) crypto.getRandomValues(bytes.subarray(0, Math.min(size, 65_536)));
  return createSharedResource(CDS, { name, version: `v${size}`, parts: [bytes] });
}

const plain = ({ name, version, bytes }: Resource): unknown => ({ name, version, bytes: Buffer.from(bytes).toString('base64') });

test('whatever a response has: what is read of its compressed form is what is read of the plain one', () => {
  const resources = fc.array(
    fc.record({ size: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 30_000 }), fc.constant(300_000)), noise: fc.boolean() }),
    {
      maxLength: 12,
    },
  );
  let groups = 0;
  fc.assert(
    fc.property(resources, resources, (own, shared) => {
      const make = (prefix: string, list: typeof own): readonly Resource[] =>
        list.map(({ size, noise }, index) => resourceOf(`${prefix}${index}`, size, noise));
      const response = { ...EMPTY, resources: make('o', own), shared: make('s', shared) };
      const [whole, packed] = [encodeDeltaResponse(response), encodeDeltaResponse(response, compress)].map((parts) => Buffer.concat(parts)) as [
        Buffer,
        Buffer,
      ];
      assert.ok(packed.length <= whole.length);
      const read = decodeDeltaResponse(packed).resources;
      groups += read.filter(({ isCompressed }) => isCompressed).length;
      const byName = (list: readonly Resource[]): unknown => [...list].sort((a, b) => (a.name < b.name ? -1 : 1)).map(plain);
      assert.deepEqual(byName(expand(read, decompress)), byName(decodeDeltaResponse(whole).resources));
    }),
    { numRuns: 150 },
  );
  assert.ok(groups > 50, `${groups} groups`);
});

test('a list of many responses, and a resource of many, is compressed once', () => {
  let frames = 0;
  const counted = (bytes: Uint8Array): Uint8Array => (frames++, compress(bytes));
  const shared = Array.from({ length: 100 }, (_, index) => resourceOf(`s${index}`, 1_000));
  const large = resourceOf('large', 50_000);
  for (let i = 0; i < 3; i++) assert.ok(Buffer.concat(encodeDeltaResponse({ ...EMPTY, resources: [large], shared }, counted)).length < 5_000);
  assert.equal(frames, 2);
});

test('what gains nothing, and what is larger than any client takes, is sent as it is', () => {
  const noise = resourceOf('noise', 20_000, true);
  const huge = resourceOf('huge', 9 << 20);
  for (const lists of [
    { resources: [noise, huge], shared: [] },
    { resources: [], shared: [noise, huge] },
  ]) {
    const { resources } = decodeDeltaResponse(Buffer.concat(encodeDeltaResponse({ ...EMPTY, ...lists }, compress)));
    assert.deepEqual(resources.map(({ name }) => name).sort(), ['huge', 'noise']);
  }
});

/** A group as a hostile server may make it. */
function group(size: number, frame: Uint8Array): Resource {
  return {
    name: '',
    version: '',
    isCompressed: true,
    bytes: new ProtoWriter().tag(1, WireType.varint).uint32(size).tag(2, WireType.bytes).bytes(frame).take(),
  };
}

const refused = (error: unknown): boolean => error instanceof MeshError && error.code === 'protobuf/malformed';

test('broken groups, and those that make more than they say or than there is reason to, are refused without taking the memory', () => {
  const bomb = compress(new Uint8Array(100 << 20));
  let asked = 0;
  const watched: Decompress = (frame, maxBytes) => ((asked += maxBytes), decompress(frame, maxBytes));
  assert.throws(() => expand([group(100 << 20, bomb)], watched), refused);
  assert.equal(asked, 0);
  assert.throws(() => expand([group(1_000, bomb)], watched), refused);
  const eight = compress(new Uint8Array(8 << 20));
  asked = 0;
  assert.throws(
    () =>
      expand(
        Array.from({ length: 1_000 }, () => group(8 << 20, eight)),
        watched,
      ),
    refused,
  );
  assert.ok(asked <= 64 << 20);
  const entry = Buffer.concat(encodeDeltaResponse({ ...EMPTY, resources: [], shared: [resourceOf('a', 9_000)] }, compress));
  const nested = entry.subarray(entry.indexOf(Uint8Array.of(18)));
  assert.throws(() => expand([group(nested.length, compress(nested))], decompress), refused);
  assert.throws(() => expand([group(5, compress(new Uint8Array(3)))], decompress), refused);
  assert.throws(() => expand([group(3, compress(new Uint8Array(3)))], undefined), refused);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 1 << 24 }), (bytes, size) => {
      for (const resource of [
        { name: '', version: '', isCompressed: true as const, bytes },
        group(size, bytes),
        group(bytes.length, compress(bytes)),
      ]) {
        try {
          expand([resource], decompress);
        } catch (error) {
          assert.ok(refused(error), String(error));
        }
      }
    }),
  );
});

test('a client that was sent what it cannot read asks for nothing compressed on its next stream', () => {
  const client = createDeltaClient({ node: new Uint8Array([10, 1, 65]), decompress });
  const says = (): boolean => Buffer.from(client.takeRequests()[0]?.node ?? []).includes(ZSTD_FEATURE);
  client.subscribe(CDS, ['*']);
  client.connected();
  assert.ok(says());
  assert.throws(() => client.receive({ ...EMPTY, resources: [group(10, new Uint8Array(10))] }), refused);
  client.disconnected();
  client.connected();
  assert.ok(!says());
});
