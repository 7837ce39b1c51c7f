import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { TYPE_URL } from '@meltemi/protos-types';
import { readResource } from './resources.ts';

test('a resource with a field of a younger control plane is taken, and the field is told of', () => {
  const codec = loadCodec('sidecar');
  const known = codec.encode('envoy.config.route.v3.RouteConfiguration', { name: 'r', virtual_hosts: [] });
  const read = readResource(codec, TYPE_URL.route, { name: 'r', version: '1', bytes: Uint8Array.from([...known, 0xc0, 0x3e, 1]) });
  assert.equal(read.result.t, 'good');
  assert.deepEqual(read.unknown, ['field 1000']);
});
