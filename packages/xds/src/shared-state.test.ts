import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import fc from 'fast-check';
import { createTextMemory, decodeDeltaRequest, encodeDeltaRequest, nodeOfRequest, type Resource } from './index.ts';
import { KnownVersions } from './known-versions.ts';
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
      const memory = createTextMemory();
      for (const { node, ...rest } of requests) {
        const written = { ...rest, ...(node === undefined ? {} : { node }) };
        const bytes = encodeDeltaRequest(written);
        assert.deepEqual(decodeDeltaRequest(bytes, memory), decodeDeltaRequest(bytes));
        assert.deepEqual(nodeOfRequest('delta', bytes), node);
      }
    }),
  );
});
