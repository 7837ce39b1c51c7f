import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import { buildPushContext, DEFAULT_MESH_CONFIG, joinServices, visibleServices } from '@meltemi/model';
import type { NodeScope } from '../common/node-scope.ts';
import { nameTable } from './name-table.ts';

test('a service may be called like what every object has', () => {
  const { configs } = decodeYaml(
    'apiVersion: v1\nkind: Service\nmetadata: { name: constructor, namespace: a }\nspec: { clusterIP: 10.0.0.1, ports: [{ name: http, port: 80 }] }',
  );
  const { services } = joinServices(configs, [], DEFAULT_MESH_CONFIG);
  const scope = { namespace: 'a', interception: 'REDIRECT', address: '' } as NodeScope;
  const { table = {} } = nameTable({
    services: visibleServices(buildPushContext({ mesh: DEFAULT_MESH_CONFIG, configs, services }), 'a'),
    scope,
    mesh: DEFAULT_MESH_CONFIG,
    headless: [],
  });
  assert.deepEqual(Object.keys(table).toSorted(), ['constructor', 'constructor.a', 'constructor.a.svc', 'constructor.a.svc.cluster.local']);
  assert.equal(table['constructor'], table['constructor.a']);
});
