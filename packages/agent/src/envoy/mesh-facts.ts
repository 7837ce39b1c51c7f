import { ProtoReader } from '@meltemi/base';
import { TYPE_URL } from '@meltemi/protos-types';
import type { DestinationService, WorkloadLabels } from '@meltemi/telemetry/recording';
import type { Resource } from '@meltemi/xds';
import type { Relay } from '../relay/relay.ts';
import { each, socketAddress } from './access-log-entry.ts';

/** What is known of an endpoint from its metadata (S8). */
export interface KnownEndpoint {
  readonly labels: WorkloadLabels | undefined;
  /** SPIFFE ID; empty without one. */
  readonly principal: string;
  /** It takes the mesh's mutual TLS. */
  readonly mesh: boolean;
}

/** Answers out of the resources that the relay holds; each resource is read once, when it is first asked about. */
export interface MeshFacts {
  services(cluster: string): readonly DestinationService[];
  /** `address:port` within a cluster. */
  endpoint(cluster: string, address: string): KnownEndpoint | undefined;
  /** Whether the cluster chooses mutual TLS by its endpoints. */
  autoMtls(cluster: string): boolean;
}

interface ClusterFacts {
  readonly services: readonly DestinationService[];
  readonly autoMtls: boolean;
}

export function createMeshFacts(relay: Pick<Relay, 'resource'>): MeshFacts {
  const clusters = new WeakMap<Resource, ClusterFacts>();
  const assignments = new WeakMap<Resource, ReadonlyMap<string, KnownEndpoint>>();
  const factsOf = (cluster: string): ClusterFacts | undefined => read(relay.resource(TYPE_URL.cluster, cluster), clusters, readCluster);
  return {
    services: (cluster) => factsOf(cluster)?.services ?? [],
    autoMtls: (cluster) => factsOf(cluster)?.autoMtls ?? false,
    endpoint: (cluster, address) => read(relay.resource(TYPE_URL.endpoint, cluster), assignments, readAssignment)?.get(address),
  };
}

function read<T>(resource: Resource | undefined, cache: WeakMap<Resource, T>, make: (reader: ProtoReader) => T): T | undefined {
  if (resource === undefined) return undefined;
  let facts = cache.get(resource);
  if (facts === undefined) cache.set(resource, (facts = make(new ProtoReader(resource.bytes))));
  return facts;
}

/** `Cluster`: metadata is field 25, transport_socket_matches 43. */
function readCluster(reader: ProtoReader): ClusterFacts {
  let services: DestinationService[] = [];
  let autoMtls = false;
  each(reader, (field, at) => {
    if (field === 25) services = servicesOf(filterMetadata(at.message())['istio']);
    else if (field === 43) {
      at.message();
      autoMtls = true;
    } else return false;
    return true;
  });
  return { services, autoMtls };
}

function servicesOf(istio: unknown): DestinationService[] {
  const list = fieldOf(istio, 'services');
  if (!Array.isArray(list)) return [];
  return list.map((service: unknown) => ({
    host: text(fieldOf(service, 'host')),
    name: text(fieldOf(service, 'name')),
    namespace: text(fieldOf(service, 'namespace')),
  }));
}

/** `ClusterLoadAssignment`: endpoints 2 → lb_endpoints 2 → endpoint 1 and metadata 3. */
function readAssignment(reader: ProtoReader): Map<string, KnownEndpoint> {
  const out = new Map<string, KnownEndpoint>();
  each(reader, (field, at) => {
    if (field !== 2) return false;
    each(at.message(), (inner, part) => {
      if (inner !== 2) return false;
      const { address, known } = readEndpoint(part.message());
      if (address !== '') out.set(address, known);
      return true;
    });
    return true;
  });
  return out;
}

function readEndpoint(reader: ProtoReader): { address: string; known: KnownEndpoint } {
  let address = '';
  let metadata: Readonly<Record<string, unknown>> = {};
  each(reader, (field, at) => {
    if (field === 1) {
      each(at.message(), (inner, part) => {
        if (inner !== 1) return false;
        const found = socketAddress(part.message());
        address = found.address === '' ? '' : `${found.address}:${found.port}`;
        return true;
      });
    } else if (field === 3) metadata = filterMetadata(at.message());
    else return false;
    return true;
  });
  return { address, known: knownEndpoint(metadata) };
}

function knownEndpoint(metadata: Readonly<Record<string, unknown>>): KnownEndpoint {
  const own = metadata['meltemi.io'];
  const [workload, namespace, canonicalService, canonicalRevision, cluster] = text(fieldOf(metadata['istio'], 'workload')).split(';');
  const named = workload !== undefined && workload !== '';
  return {
    principal: text(fieldOf(own, 'principal')),
    mesh: text(fieldOf(metadata['envoy.transport_socket_match'], 'tlsMode')) === 'istio',
    labels: named
      ? {
          workload,
          namespace: namespace ?? '',
          app: text(fieldOf(own, 'app')),
          version: text(fieldOf(own, 'version')),
          canonicalService: canonicalService ?? '',
          canonicalRevision: canonicalRevision ?? '',
          cluster: cluster ?? '',
        }
      : undefined,
  };
}

/** `envoy.config.core.v3.Metadata`: filter_metadata is field 1, a map to `google.protobuf.Struct`. */
function filterMetadata(reader: ProtoReader): Readonly<Record<string, unknown>> {
  return structOf(reader, (part) => structOf(part.message(), valueOf));
}

/** A `Struct`'s fields, or any map message of string to something that `value` reads. */
function structOf(reader: ProtoReader, value: (at: ProtoReader) => unknown): Readonly<Record<string, unknown>> {
  const out: Record<string, unknown> = {};
  each(reader, (field, at) => {
    if (field !== 1) return false;
    let key = '';
    let content: unknown;
    each(at.message(), (inner, part) => {
      if (inner === 1) key = part.string();
      else if (inner === 2) content = value(part);
      else return false;
      return true;
    });
    out[key] = content;
    return true;
  });
  return out;
}

/** `google.protobuf.Value`. */
function valueOf(at: ProtoReader): unknown {
  let out: unknown = null;
  each(at.message(), (field, part) => {
    if (field === 2) out = part.double();
    else if (field === 3) out = part.string();
    else if (field === 4) out = part.bool();
    else if (field === 5) out = structOf(part.message(), valueOf);
    else if (field === 6) out = listOf(part.message());
    else return false;
    return true;
  });
  return out;
}

function listOf(reader: ProtoReader): unknown[] {
  const out: unknown[] = [];
  each(reader, (field, at) => (field === 1 ? (out.push(valueOf(at)), true) : false));
  return out;
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
