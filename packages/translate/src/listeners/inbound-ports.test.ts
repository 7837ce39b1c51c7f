import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEndpointIndex, parseProxyNode, type Workload } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import { ownWorkload } from './inbound-ports.ts';

const WORKLOAD = sampleWorkload({ name: 'x-v1' });

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
