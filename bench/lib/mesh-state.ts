import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How large a mesh is measured. */
export interface MeshSize {
  readonly services: number;
  readonly endpoints: number;
  readonly namespaces: number;
  /** Sidecars with REDIRECT, spread over the namespaces; each is also an endpoint of a service. */
  readonly proxies: number;
  /** A Sidecar object in each namespace, which sees its own services only. */
  readonly scoped: boolean;
  /** Clients take patches, as our agents do; else they are plain xDS clients, as Envoy is without an agent. */
  readonly agents: boolean;
}

/** The port of every service: all of them are in one route table, the worst case. */
export const SERVICE_PORT = 8080;
export const namespaceOf = (index: number, size: MeshSize): string => `ns-${index % size.namespaces}`;
export const serviceOf = (index: number): string => `svc-${index}`;

/** One of so many services has a VirtualService and a DestinationRule. */
const RULED = 20;
/** Time stamps as the control plane itself writes them. */
const CREATED = '2026-01-01T00:00:00Z';

/** The objects of a mesh in the control plane's own store, as if they had been applied. */
export function writeMesh(stateDir: string, size: MeshSize): void {
  const folder = join(stateDir, 'config');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'format.json'), '{"format":1}\n');
  const write = (object: KubernetesObject): void => store(stateDir, object);
  for (let i = 0; i < size.services; i++) {
    write(service(i, size));
    if (i % RULED !== 0) continue;
    write(virtualService(i, size, '5s'));
    write(destinationRule(i, size));
  }
  for (let i = 0; i < size.endpoints - size.proxies; i++) write(workloadEntry(i, size));
  if (size.scoped) for (let i = 0; i < size.namespaces; i++) write(sidecar(`ns-${i}`));
}

/** An endpoint of each namespace moves while no control plane runs. */
export function moveEndpoints(stateDir: string, size: MeshSize): void {
  for (let i = 0; i < size.namespaces; i++) store(stateDir, workloadEntry(i, size, 7));
}

let version = 1;

function store(stateDir: string, object: KubernetesObject): void {
  const { kind, metadata } = object;
  const stamps = { uid: `uid-${version}`, resourceVersion: String(version++), generation: 1, creationTimestamp: CREATED };
  const stored = { format: 1, object: { ...object, metadata: { ...metadata, ...stamps } }, origin: { source: 'api' } };
  writeFileSync(join(stateDir, 'config', `${kind}.${metadata.namespace}.${metadata.name}.json`), JSON.stringify(stored));
}

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

function service(index: number, size: MeshSize): KubernetesObject {
  const name = serviceOf(index);
  const ports = [{ name: 'http', port: SERVICE_PORT, targetPort: SERVICE_PORT }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: namespaceOf(index, size) }, spec: { selector: { app: name }, ports } };
}

/** A VirtualService for one service; what is changed in the runs is its time-out. */
export function virtualService(index: number, size: MeshSize, timeout: string): KubernetesObject {
  const name = serviceOf(index);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: namespaceOf(index, size) },
    spec: { hosts: [name], http: [{ timeout, route: [{ destination: { host: name, subset: 'v1' } }] }] },
  };
}

function destinationRule(index: number, size: MeshSize): KubernetesObject {
  const name = serviceOf(index);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace: namespaceOf(index, size) },
    spec: { host: name, subsets: [{ name: 'v1', labels: { version: 'v1' } }] },
  };
}

/** An endpoint; in the runs its address is changed. */
export function workloadEntry(index: number, size: MeshSize, generation = 0): KubernetesObject {
  const app = index % size.services;
  const address = `10.${generation % 200}.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadEntry',
    metadata: { name: `endpoint-${index}`, namespace: namespaceOf(app, size) },
    spec: { address, labels: { app: serviceOf(app), version: 'v1' }, serviceAccount: 'default' },
  };
}

function sidecar(namespace: string): KubernetesObject {
  return { apiVersion: 'networking.istio.io/v1', kind: 'Sidecar', metadata: { name: 'default', namespace }, spec: { egress: [{ hosts: ['./*'] }] } };
}
