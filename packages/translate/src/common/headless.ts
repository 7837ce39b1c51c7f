import { serviceKey, type Endpoint, type EndpointIndex, type NamespaceServices, type Service } from '@meltemi/model';
import type { NodeScope } from './node-scope.ts';

/** Who answers for a headless service, on one of its ports. Counts by identity: the same as long as the endpoints are. */
export interface HeadlessPort {
  readonly service: Service;
  readonly port: number;
  readonly endpoints: readonly Endpoint[];
}

const NONE: readonly never[] = [];

// Memos of pure functions of immutable values.
const headlessOf = new WeakMap<readonly Service[], readonly Service[]>();
const holders = new WeakMap<readonly Endpoint[], Map<string, HeadlessPort>>();

/**
 * The headless services that a node calls by the addresses of their endpoints. Only where connections are redirected: elsewhere a sidecar listens for the
 * service's own address, and headless services have one there like all others.
 */
export function headlessPorts(services: NamespaceServices, endpoints: EndpointIndex, scope: NodeScope): readonly HeadlessPort[] {
  if (scope.interception !== 'REDIRECT' || scope.type !== 'sidecar') return NONE;
  let headless = headlessOf.get(services.list);
  if (headless === undefined) headlessOf.set(services.list, (headless = services.list.filter((service) => service.headless)));
  return headless.flatMap((service) =>
    service.ports.map((port) => holderOf(service, port.number, endpoints.endpoints(serviceKey(service), port.number))),
  );
}

function holderOf(service: Service, port: number, endpoints: readonly Endpoint[]): HeadlessPort {
  // The empty list is shared by all who have none.
  const key = `${serviceKey(service)} ${port}`;
  let known = holders.get(endpoints);
  if (known === undefined) holders.set(endpoints, (known = new Map()));
  let holder = known.get(key);
  if (holder?.service !== service) known.set(key, (holder = { service, port, endpoints }));
  return holder;
}

/** Addresses of the endpoints that take calls. */
export function answeringAddresses(endpoints: readonly Endpoint[]): readonly string[] {
  return [...new Set(endpoints.filter(({ health }) => health === 'healthy').map(({ address }) => address))];
}
