import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMeshConfig } from '@meltemi/api';
import { DEFAULT_MESH_CONFIG, meshConfigFrom } from '@meltemi/model';
import { tracing } from './tracing.ts';

test('an address of IPv6 stands in brackets where a port follows', () => {
  const { settings = {} } = decodeMeshConfig('defaultConfig: { tracing: { zipkin: { address: "[fd00::9]:9411" } } }');
  const { provider } = tracing({ mesh: meshConfigFrom(DEFAULT_MESH_CONFIG, settings), gateway: false, dataPlane: 'envoy' });
  assert.ok(provider !== undefined);
  assert.match(JSON.stringify(provider), /"collector_hostname":"\[fd00::9\]:9411"/);
});
