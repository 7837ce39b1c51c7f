import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEndpointIndex, NO_LOCALITY, parseProxyNode, type Workload } from '@meltemi/model';
import { ownWorkload } from './inbound-ports.ts';

const WORKLOAD: Workload = {
  name: 'x-v1',
  namespace: 'a',
  serviceAccount: 'x',
  labels: {},
  address: '10.0.0.1',
  appAddress: '10.0.0.1',
  ports: [],
  portMap: {},
  locality: NO_LOCALITY,
  weight: 1,
  tlsMode: 'istio',
  health: 'healthy',
  dataPlane: 'embedded',
  cluster: 'meltemi',
  registry: 'connected',
};

test('a node is the workload at its address only when that is of its namespace and account', () => {
  const index = createEndpointIndex();
  index.updateWorkloads([WORKLOAD]);
  const own = (NAMESPACE: string, SERVICE_ACCOUNT: string): Workload | undefined => {
    const parsed = parseProxyNode({ id: 'sidecar~10.0.0.1~x-v1.a~a.svc.cluster.local', metadata: { NAMESPACE, SERVICE_ACCOUNT } });
    assert.ok('node' in parsed);
    return ownWorkload(parsed.node, index);
  };
  assert.deepEqual([own('a', 'x'), own('a', 'y'), own('b', 'x')], [WORKLOAD, undefined, undefined]);
});
