import type { InstanceView, MeshSource, MeshView, WorkloadView } from '@meltemi/console-api';
import { createBatchEncoder, createMetricRegistry, createPeer, createStandardMetrics, workloadLabels, type EdgeRecorder, type Peer } from '@meltemi/telemetry';
import type { TelemetryStore } from '@meltemi/telemetry-store';

/** Bookinfo as its proxies report it: real registries and encoders, a made-up network. */
const CLUSTER = 'meltemi';
const WORKLOADS = [
  ['istio-ingressgateway', 'istio-system', 'istio-ingressgateway', 'latest'],
  ['productpage-v1', 'bookinfo', 'productpage', 'v1'],
  ['productpage-v2', 'bookinfo', 'productpage', 'v2'],
  ['details-v1', 'bookinfo', 'details', 'v1'],
  ['reviews-v1', 'bookinfo', 'reviews', 'v1'],
  ['reviews-v2', 'bookinfo', 'reviews', 'v2'],
  ['reviews-v3', 'bookinfo', 'reviews', 'v3'],
  ['ratings-v1', 'bookinfo', 'ratings', 'v1'],
  ['ratings-v2', 'bookinfo', 'ratings', 'v2'],
  ['postgresdb-v1', 'bookinfo', 'postgresdb', 'v1'],
] as const;

type Name = (typeof WORKLOADS)[number][0];

/** Who calls whom: the two lower reviews call ratings, the second ratings its database over TCP. */
const CALLS: readonly (readonly [from: Name, to: Name, service: string, protocol: 'http' | 'tcp'])[] = [
  ['istio-ingressgateway', 'productpage-v1', 'productpage', 'http'],
  ['productpage-v1', 'details-v1', 'details', 'http'],
  ['productpage-v1', 'reviews-v1', 'reviews', 'http'],
  ['productpage-v1', 'reviews-v2', 'reviews', 'http'],
  ['productpage-v1', 'reviews-v3', 'reviews', 'http'],
  ['reviews-v2', 'ratings-v1', 'ratings', 'http'],
  ['reviews-v2', 'ratings-v2', 'ratings', 'http'],
  ['reviews-v3', 'ratings-v1', 'ratings', 'http'],
  ['reviews-v3', 'ratings-v2', 'ratings', 'http'],
  ['ratings-v2', 'postgresdb-v1', 'postgresdb', 'tcp'],
];

const principalOf = (name: Name): string => {
  const [, namespace, app] = workload(name);
  return `spiffe://cluster.local/ns/${namespace}/sa/bookinfo-${app}`;
};

function workload(name: Name): (typeof WORKLOADS)[number] {
  const found = WORKLOADS.find(([one]) => one === name);
  if (found === undefined) throw new Error(name);
  return found;
}

const labelsOf = (name: Name): ReturnType<typeof workloadLabels> => {
  const [, namespace, app, version] = workload(name);
  return workloadLabels(name, namespace, { app, version }, CLUSTER);
};

export interface Call {
  readonly from: Name;
  readonly to: Name;
  readonly code?: number;
  readonly flags?: string;
  readonly durationMs?: number;
  readonly count?: number;
}

/** The proxies of the mesh, reporting to a store. */
export interface FakeMesh {
  /** A request (or 1000 bytes each way, for TCP), seen by both ends. */
  call(call: Call): void;
  /** One of each of {@link CALLS}. */
  callAll(): void;
  /** All proxies send their batch of this moment. */
  report(nowMs: number): void;
}

export function fakeBookinfo(store: TelemetryStore, now: () => number): FakeMesh {
  const proxies = new Map(
    WORKLOADS.map(([name, namespace, app, version]) => {
      const registry = createMetricRegistry();
      const metrics = createStandardMetrics({ registry, local: labelsOf(name), now });
      const encoder = createBatchEncoder({ registry, node: { workload: name, namespace, app, version, instance: `${name}-1`, address: `10.0.0.${name.length}`, component: 'proxy' } });
      const stream = store.open({ namespace, serviceAccount: `bookinfo-${app}`, principal: principalOf(name) });
      return [name, { metrics, encoder, stream, peers: new Map<Name, Peer>() }] as const;
    }),
  );

  function edge(at: Name, other: Name, reporter: 'source' | 'destination', service: string, protocol: 'http' | 'tcp'): EdgeRecorder {
    const proxy = proxies.get(at);
    if (proxy === undefined) throw new Error(at);
    const peer = proxy.peers.get(other) ?? createPeer(now(), labelsOf(other));
    proxy.peers.set(other, peer);
    const [client, server] = reporter === 'source' ? [at, other] : [other, at];
    return proxy.metrics.edge({
      reporter,
      peer,
      service: { host: `${service}.bookinfo.svc.cluster.local`, name: service, namespace: 'bookinfo' },
      protocol,
      security: reporter === 'source' ? 'unknown' : 'mutual_tls',
      sourcePrincipal: principalOf(client),
      destinationPrincipal: principalOf(server),
    });
  }

  function call({ from, to, code = 200, flags = '-', durationMs = 12, count = 1 }: Call): void {
    const [, , service, protocol] = CALLS.find(([a, b]) => a === from && b === to) ?? [from, to, workload(to)[2], 'http' as const];
    for (const recorder of [edge(from, to, 'source', service, protocol), edge(to, from, 'destination', service, protocol)]) {
      for (let i = 0; i < count; i++) {
        if (protocol === 'tcp') recorder.tcpBytes(1000, 4000);
        else recorder.request({ responseCode: code, flags, grpcStatus: undefined, durationMs, requestBytes: 100, responseBytes: 2000 });
      }
    }
  }

  return {
    call,
    callAll() {
      for (const [from, to] of CALLS) call({ from, to });
    },
    report(nowMs) {
      for (const { encoder, stream } of proxies.values()) {
        const { refused, reason } = stream.ingest(encoder.next(nowMs));
        if (refused !== undefined) throw new Error(reason);
      }
    },
  };
}

function instance(name: string): InstanceView {
  return { name: `${name}-1`, address: '10.0.0.1', isReady: true, isSynced: true, dataPlane: 'embedded', createdAt: '2026-11-21T00:00:00Z' };
}

const workloadViews = WORKLOADS.map(([name, namespace, app, version]): WorkloadView => ({
  name,
  namespace,
  app,
  version,
  labels: { app, version },
  annotations: {},
  kind: 'Process',
  serviceAccount: `bookinfo-${app}`,
  principal: principalOf(name),
  createdAt: '2026-11-21T00:00:00Z',
  resourceVersion: '1',
  hasSidecar: true,
  ...(namespace === 'istio-system' ? { gateway: { kind: 'ingress' as const, hostnames: ['*'] } } : {}),
  desiredReplicas: 1,
  instances: [instance(name)],
  workloadEntries: [],
}));

const networking = (kind: string, name: string, spec: object): MeshView['objects'][number] => ({
  group: 'networking.istio.io',
  version: 'v1',
  kind,
  namespace: 'bookinfo',
  name,
  spec,
  resource: { apiVersion: 'networking.istio.io/v1', kind, metadata: { name, namespace: 'bookinfo' }, spec },
});

export const bookinfoView: MeshView = {
  version: '1',
  clusterName: CLUSTER,
  rootNamespace: 'istio-system',
  trustDomain: 'cluster.local',
  autoMtls: true,
  outboundTrafficPolicy: 'ALLOW_ANY',
  meltemiVersion: '0.1.0',
  namespaces: [
    { name: 'bookinfo', labels: { 'istio-injection': 'enabled' }, annotations: {}, isInjected: true, isControlPlane: false, revision: 'default' },
    { name: 'default', labels: {}, annotations: {}, isInjected: false, isControlPlane: false, revision: '' },
    { name: 'istio-system', labels: {}, annotations: {}, isInjected: false, isControlPlane: true, revision: 'default' },
  ],
  services: ['details', 'postgresdb', 'productpage', 'ratings', 'reviews'].map((name) => ({
    name,
    namespace: 'bookinfo',
    hostname: `${name}.bookinfo.svc.cluster.local`,
    labels: { app: name, service: name },
    annotations: {},
    selector: { app: name },
    ports: [{ name: name === 'postgresdb' ? 'tcp' : 'http', port: name === 'postgresdb' ? 5432 : 9080, protocol: name === 'postgresdb' ? 'tcp' : 'http', targetPort: '9080' }],
    type: 'ClusterIP',
    ips: ['240.240.0.1'],
    registry: 'Kubernetes' as const,
    createdAt: '2026-11-21T00:00:00Z',
    resourceVersion: '1',
    workloads: workloadViews.filter((one) => one.app === name).map((one) => one.name),
    endpoints: [],
  })),
  workloads: workloadViews,
  objects: [
    networking('VirtualService', 'reviews', { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews', subset: 'v1' }, weight: 50 }, { destination: { host: 'reviews', subset: 'v2' }, weight: 50 }], timeout: '3s' }] }),
    networking('DestinationRule', 'reviews', { host: 'reviews', subsets: [{ name: 'v3', labels: { version: 'v3' }, trafficPolicy: { outlierDetection: {} } }] }),
  ],
  problems: [{ code: 'IST0113', severity: 'warning', path: 'spec.http[0]', message: 'a test', object: { kind: 'VirtualService', namespace: 'bookinfo', name: 'reviews' }, origin: { source: 'file', file: 'reviews.yaml', line: 12 } }],
};

export function staticMesh(view: MeshView = bookinfoView): MeshSource & { change(next: MeshView): void } {
  const listeners = new Set<() => void>();
  let current = view;
  return {
    view: () => current,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    change(next) {
      current = next;
      for (const listener of listeners) listener();
    },
  };
}
