import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { ProtoReader, ProtoWriter } from '@meltemi/base';
import {
  createRequestMemory,
  createServerSession,
  decodeDeltaRequest,
  encodeDeltaRequest,
  nodeOfRequest,
  type DeltaRequest,
  type Resource,
  type ResourceSource,
} from './index.ts';
import { KnownVersions } from './known-versions.ts';
import { createTextMemory } from './text-memory.ts';
import { NO_NAMES, withNames, withoutNames } from './name-sets.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const name = fc.constantFrom(...NAMES);
const version = fc.constantFrom('1', '2', '3');
const mapOf = (entries: readonly (readonly [string, string])[]): ReadonlyMap<string, Resource> =>
  new Map(entries.map(([key, value]) => [key, { name: key, version: value, bytes: new Uint8Array() }]));

test('known versions over a shared map are those of a map of their own', () => {
  const step = fc.oneof(
    fc.record({ t: fc.constant('set' as const), name, version }),
    fc.record({ t: fc.constant('delete' as const), name }),
    fc.record({ t: fc.constant('rebase' as const), entries: fc.array(fc.tuple(name, version)), others: fc.subarray(NAMES) }),
    fc.record({ t: fc.constant('adopt' as const), entries: fc.array(fc.tuple(name, version)) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const known = new KnownVersions();
      let model = new Map<string, string>();
      for (const one of steps) {
        if (one.t === 'set') {
          known.set(one.name, one.version);
          model.set(one.name, one.version);
        } else if (one.t === 'delete') {
          known.delete(one.name);
          model.delete(one.name);
        } else if (one.t === 'adopt') {
          known.adopt(new Map(one.entries));
          model = new Map(one.entries);
        } else {
          const others = one.others.flatMap((key) => (model.has(key) ? [[key, model.get(key) ?? ''] as const] : []));
          known.rebase(mapOf(one.entries), one.others);
          model = new Map([...others, ...one.entries]);
        }
        assert.deepEqual([...known.keys()].sort(), [...model.keys()].sort());
        assert.equal(known.size, model.size);
        for (const key of NAMES) assert.deepEqual([known.get(key), known.has(key)], [model.get(key), model.has(key)]);
      }
    }),
  );
});

test('clients that ask for the same share one set of names; sets are never changed', () => {
  const many = Array.from({ length: 40 }, (_, i) => `n${i}`);
  const one = withNames(NO_NAMES, many);
  assert.equal(withNames(NO_NAMES, [...many]), one);
  assert.equal(withNames(one, ['n3', 'n4']), one);
  const more = withNames(one, ['new']);
  assert.deepEqual([more.size, one.size, withoutNames(more, ['other'])], [41, 40, more]);
  assert.deepEqual([...withoutNames(more, ['new'])], many);
  // Equal in number, first, middle and last name, and yet others.
  const alike = many.with(1, 'other');
  assert.deepEqual([...withNames(NO_NAMES, alike)], alike);
  // What outlives the client is small: nothing is kept under long names.
  const long = many.map((each) => each.repeat(1_000));
  assert.notEqual(withNames(NO_NAMES, long), withNames(NO_NAMES, long));
});

test('what a memory reads is what was written, whatever it has read before; equal texts are the same strings', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('outbound|80||x', 'käse', '', 'x'.repeat(400)));
  const request = fc.record({
    node: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: undefined }),
    typeUrl: fc.constantFrom(TYPE_URL.cluster, TYPE_URL.endpoint),
    subscribe: fc.array(text),
    unsubscribe: fc.array(text),
    initialVersions: fc.array(fc.tuple(text, text)).map((entries) => new Map(entries)),
    nonce: fc.string(),
  });
  fc.assert(
    fc.property(fc.array(request), (requests) => {
      const memory = createRequestMemory();
      for (const { node, ...rest } of requests) {
        const written = { ...rest, ...(node === undefined ? {} : { node }) };
        const bytes = encodeDeltaRequest(written);
        assert.deepEqual(decodeDeltaRequest(bytes, memory), decodeDeltaRequest(bytes));
        assert.deepEqual(nodeOfRequest('delta', bytes), node);
      }
    }),
  );
});

test('a memory never takes the bytes of one text for the characters of another', () => {
  const memory = createRequestMemory();
  const read = (name: string): readonly string[] => decodeDeltaRequest(encodeDeltaRequest(asking([name])), memory).subscribe;
  // In UTF-8 the second is what the first is in Latin-1.
  assert.deepEqual([read('Ã¤'), read('ä')], [['Ã¤'], ['ä']]);
});

test('what a memory keeps is bounded, whatever types and texts clients think of', () => {
  const maxChars = 20_000;
  const memory = createTextMemory(maxChars);
  const texts = Array.from({ length: 50 }, (_, i) => String(i).padEnd(290, 'x'));
  /** Characters that are not read again, because they are remembered. */
  const kept = (typeUrl: string): number => {
    let size = 0;
    memory.begin(typeUrl);
    for (const text of texts) {
      const reader = new ProtoReader(new ProtoWriter().string(text).take());
      let isRead = false;
      reader.string = () => ((isRead = true), text);
      memory.read(reader);
      if (!isRead) size += text.length;
    }
    return size;
  };
  const types = [TYPE_URL.cluster, TYPE_URL.endpoint, TYPE_URL.listener, 'made.up/One', 'made.up/Two'];
  for (const typeUrl of types) assert.equal(kept(typeUrl), 0);
  const sizes = types.map(kept);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(all > maxChars / 2 && all <= maxChars, sizes.join());
});

test('a request that is the rest of another one again is the same lists and maps; what is kept of them is bounded', () => {
  const memory = createRequestMemory({ maxBytes: 20_000 });
  const names = (prefix: string): readonly string[] => Array.from({ length: 60 }, (_, i) => `${prefix}${i}`.padEnd(30, '.'));
  const read = (prefix: string, node: number, nonce = ''): DeltaRequest =>
    decodeDeltaRequest(encodeDeltaRequest({ ...asking(names(prefix)), node: Uint8Array.of(node), nonce }), memory);
  const [first, same, other] = [read('a', 1), read('a', 2), read('a', 3, 'n')];
  assert.equal(same.subscribe, first.subscribe);
  assert.equal(same.initialVersions, first.initialVersions);
  assert.deepEqual([same.node, first.node], [Uint8Array.of(2), Uint8Array.of(1)]);
  assert.notEqual(other.subscribe, first.subscribe);
  assert.deepEqual([other.subscribe, other.nonce], [first.subscribe, 'n']);
  for (const prefix of 'bcdefghijkl') read(prefix, 1);
  assert.notEqual(read('a', 1).subscribe, first.subscribe);
  const again = read('b', 1);
  memory.clear();
  assert.notEqual(read('b', 1).subscribe, again.subscribe);
});

function asking(subscribe: readonly string[]): DeltaRequest {
  return { typeUrl: TYPE_URL.cluster, subscribe, unsubscribe: [], initialVersions: new Map(), nonce: '' };
}

test('a client gets back what was before, also when the source has the very same map again', () => {
  const before = mapOf([['a', '1']]);
  const after = mapOf([['a', '2']]);
  let [now, version] = [before, 1];
  const source: ResourceSource = {
    get version() {
      return version;
    },
    resources: () => now,
  };
  const session = createServerSession('delta', { source });
  const answer = (): string | undefined => {
    const response = session.next();
    if (response === undefined) return undefined;
    session.receive({ ...asking([]), typeUrl: TYPE_URL.endpoint, nonce: response.nonce });
    return [...(response.shared ?? []), ...response.resources].map((resource) => resource.version).join();
  };
  session.receive({ ...asking(['a']), typeUrl: TYPE_URL.endpoint });
  assert.equal(answer(), '1');
  [now, version] = [after, 2];
  session.changed(TYPE_URL.endpoint, new Set(['a']));
  assert.equal(answer(), '2');
  [now, version] = [before, 3];
  session.changed(TYPE_URL.endpoint);
  assert.equal(answer(), '1');
});
