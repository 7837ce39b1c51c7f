import { decodeYaml } from '@meltemi/api';
import { formatProblem } from '@meltemi/base';
import { parseLocality, type MeshConfig, type Workload } from '@meltemi/model';
import { sampleWorkload } from '@meltemi/model/testing';
import type { Outcome } from '@meltemi/runtime';
import { meshOf } from '../mesh.ts';
import type { Result, SimulatedMesh } from '../types.ts';

const workload = (name: string, address: string, more: Partial<Workload> = {}): Workload => {
  const app = name.replace(/-v\d+$/, '');
  const version = /-(v\d+)$/.exec(name)?.[1];
  const labels = { app, ...(version === undefined ? {} : { version }) };
  return sampleWorkload({ name, namespace: 'shop', serviceAccount: app, labels, address, ...more });
};

const HTTP = [{ number: 8080, protocol: 'http' }] as const;
const TCP = [{ number: 5432, protocol: 'tcp' }] as const;

/** Callers of two namespaces and places, a web service of three versions and places, a database, a gateway. */
const WORKLOADS: readonly Workload[] = [
  workload('client', '10.2.0.1', { labels: { app: 'client', team: 'a' }, locality: parseLocality('eu/a/1') }),
  workload('stranger', '10.2.0.2', { namespace: 'other', locality: parseLocality('us/c/1') }),
  workload('web-v1', '10.2.1.1', { ports: HTTP, locality: parseLocality('eu/a/1') }),
  workload('web-v2', '10.2.1.2', { ports: HTTP, locality: parseLocality('eu/b/1') }),
  workload('web-v3', '10.2.1.3', { ports: HTTP, locality: parseLocality('us/c/1') }),
  workload('db-v1', '10.2.2.1', { ports: TCP }),
  workload('db-v2', '10.2.2.2', { ports: TCP }),
  workload('edge', '10.2.3.1', { labels: { istio: 'edge', app: 'edge' }, ports: HTTP }),
];

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: admin, namespace: shop }
spec:
  selector: { app: web, version: v3 }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec:
  selector: { app: db }
  ports: [{ name: tcp, port: 5432 }]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: shop }
spec:
  selector: { istio: edge }
  servers:
    - port: { number: 8080, name: http, protocol: HTTP }
      hosts: ['*.example']
`;

/** The shop with more objects. Throws when one of them is wrong. */
export function shop(yaml: string, more: { readonly mesh?: Partial<MeshConfig>; readonly workloads?: readonly Workload[] } = {}): SimulatedMesh {
  const decoded = decodeYaml(`${SERVICES}\n---\n${yaml}`, { file: 'shop.yaml' });
  const errors = decoded.problems.filter((problem) => problem.severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(formatProblem).join('\n'));
  return meshOf({
    configs: decoded.configs,
    documents: decoded.documents,
    workloads: [...WORKLOADS, ...(more.workloads ?? [])],
    gateways: ['shop/edge'],
    ...(more.mesh === undefined ? {} : { mesh: more.mesh }),
  });
}

/** A further workload of the shop. */
export const another = workload;

/**
 * A result in a line: shares of clusters (short names), the endpoint, mutual TLS, what the server's proxy says; then time-out, rewritten path or authority,
 * faults and mirrors, as far as there are any.
 */
export function told(result: Result): string {
  if (result.t === 'refused') return `refused by ${result.node}: ${result.problems.map(({ path, message }) => `${path} ${message}`).join('; ')}`;
  if (result.t === 'no-call') return result.because;
  const { client, server } = result;
  const shares =
    client.clusters.length > 1 ? [client.clusters.map(({ share, value }) => `${Math.round(share * 100)}% ${short(value)}`).join(', ')] : [];
  const more = [
    ...(client.timeoutMs === 0 ? [] : [`time-out ${client.timeoutMs}`]),
    ...client.faults.map(({ share, value }) => `${share * 100}% ${value.t === 'delay' ? `delay ${value.delayMs}` : `abort ${value.status}`}`),
    ...client.mirrors.map(({ share, value }) => `${share * 100}% copied to ${short(value)}`),
  ];
  const inside = server === undefined ? [] : [`at ${server.node} ${ended(server.decision.outcome)}`];
  return [...shares, ended(client.decision.outcome), ...inside, ...more].join(' | ');
}

function ended(outcome: Outcome): string {
  if (outcome.t === 'close') return `closed ${outcome.flag}`;
  if (outcome.t === 'respond') return [outcome.status, outcome.flag, outcome.location ?? ''].filter((part) => part !== '').join(' ');
  const { cluster, host, tls, path, authority } = outcome;
  return [`${short(cluster)} at ${host}`, ...(tls ? ['TLS'] : []), ...(path === '' ? [] : [`${authority}${path}`])].join(' ');
}

/** `outbound|80|v1|web.shop.svc.cluster.local` → `web:80/v1`. */
function short(cluster: string): string {
  const [direction, port = '', subset = '', host = ''] = cluster.split('|');
  if (direction === 'inbound') return `application:${port}`;
  return host === '' ? cluster : `${host.replace('.shop.svc.cluster.local', '')}:${port}${subset === '' ? '' : `/${subset}`}`;
}
