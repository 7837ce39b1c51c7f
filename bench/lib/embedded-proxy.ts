// The embedded data plane as a process of its own: `embedded-proxy.ts CONFIG.json`. Same engine, metrics and log sink as the sidecar's.
import { readFileSync } from 'node:fs';
import { createMetricRegistry } from '@meltemi/telemetry';
import {
  createFileLogSink,
  createLineLog,
  createLocalEngine,
  systemClock,
  systemRandom,
  systemTimers,
  telemetryIdentity,
  tuneHeap,
} from '@meltemi/proxy';
import { decodeCluster, decodeListener, type Decoded } from '@meltemi/runtime';
import type { Resources } from './resources.ts';

function must<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw new Error(decoded.problems.map((problem) => `${problem.path}: ${problem.message}`).join('\n'));
}

if (process.versions['bun'] === undefined) tuneHeap();
const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Resources;
const log = createLineLog('warn', (line) => process.stderr.write(line));
const engine = createLocalEngine({
  identity: telemetryIdentity(
    {
      id: 'sidecar~127.0.0.1~client-v1.bench~bench.svc.cluster.local',
      cluster: 'client.bench',
      metadata: {
        NAMESPACE: 'bench',
        WORKLOAD_NAME: 'client-v1',
        LABELS: { app: 'client', version: 'v1' },
        CLUSTER_ID: 'meltemi',
        MESH_ID: 'cluster.local',
      },
    },
    '127.0.0.1',
  ),
  gateway: false,
  registry: createMetricRegistry(),
  events: { onSpan() {}, onTrace() {}, onWantWorkload() {}, onForgetWorkload() {} },
  accessLog: createFileLogSink(log),
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  log,
});
const failures = await engine.apply({
  clusters: config.clusters.map((cluster) => must(decodeCluster(cluster))),
  listeners: config.listeners.map((listener) => must(decodeListener(listener))),
});
for (const [name, reason] of failures) console.error(`${name}: ${reason}`);
setInterval(() => void engine.collect(), 1000);
