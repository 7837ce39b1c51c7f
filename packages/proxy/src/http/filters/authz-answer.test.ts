import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExtAuthzConfig, FilterVerdict } from '@meltemi/runtime';
import { grpcVerdict } from './authz-answer.ts';

const CONFIG = { clearRoute: false, ingestMetadata: false, validateMutations: false } as ExtAuthzConfig;

const allowed = (ok_response: object, path = '/a'): FilterVerdict => grpcVerdict(CONFIG, { ok_response }, { path, statusOf: () => 403 });
const named = (key: string, value: string): FilterVerdict => allowed({ headers: [{ header: { key, value } }] });

test('another host is one that can be asked for, or ends the request', () => {
  for (const host of ['b.example', 'b.example:80', '[::1]:80']) {
    assert.deepEqual(named('host', host).request, [{ name: 'host', action: 'overwrite', value: host }]);
    assert.equal(named(':authority', host).reply, undefined);
  }
  for (const host of ['a.example b', 'a.example HTTP/1.1', 'a/b', 'u@a', 'a\nb', 'ü.example']) {
    for (const name of ['host', ':authority']) {
      const { reply, request } = named(name, host);
      assert.deepEqual([reply?.status, reply?.body, request], [503, 'invalid header value for: :authority', undefined], host);
    }
  }
  assert.equal(named('host', '').reply, undefined, 'none is no change');
});

test('a request without a path gets no query', () => {
  const query = { query_parameters_to_set: [{ key: 'k', value: 'v' }] };
  assert.deepEqual(allowed(query).request, [{ name: ':path', action: 'overwrite', value: '/a?k=v' }]);
  assert.equal(allowed(query, '').request, undefined);
});
