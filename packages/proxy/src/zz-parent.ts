import { spawn } from 'node:child_process';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from './testing/fake-agent.ts';
import { assignment, edsCluster, httpListener, routesTo } from './testing/resources.ts';
const agent = await startFakeAgent();
agent.push({
  [TYPE_URL.cluster]: { c1: edsCluster('c1') }, [TYPE_URL.endpoint]: { c1: assignment('c1', [9]) },
  [TYPE_URL.listener]: { out: httpListener('out', 0, '9080') }, [TYPE_URL.route]: { '9080': routesTo('9080', 'c1') },
});
const n = Number(process.argv[2] ?? 3), par = Number(process.argv[3] ?? 1);
const one = () => new Promise<void>((r) => { const c = spawn(process.execPath, ['packages/proxy/src/zz-child.ts'], { env: { ...process.env, MELTEMI_PROXY_OPTIONS: JSON.stringify({ agentSocket: agent.socketPath, address: '127.0.0.1', adminPort: 0, metricsPort: 0, node: { id: 'sidecar~1', cluster: 'x', metadata: { NAMESPACE: 'a', WORKLOAD_NAME: 'w' } } }) }, stdio: ['ignore', 'inherit', 'ignore'] }); c.on('exit', () => r()); });
for (let i = 0; i < n; i++) await Promise.all(Array.from({ length: par }, one));
await agent[Symbol.asyncDispose]();
