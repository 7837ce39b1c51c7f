import type { WorkloadPort } from '../../types.ts';

/** A service of the workload's namespace as its application is told of it. */
export interface KnownService {
  /** `reviews`. */
  readonly name: string;
  readonly address: string;
  readonly ports: readonly number[];
}

/**
 * Variables that tell an application where to listen (`HOST`, `PORT`) and where services are, named and spelled as Kubernetes does:
 * `REVIEWS_SERVICE_HOST`, `REVIEWS_SERVICE_PORT` (the first port), and the older `REVIEWS_PORT_9080_TCP…` ones.
 */
export function applicationEnvironment(
  listen: { readonly host: string; readonly ports: readonly WorkloadPort[] },
  services: readonly KnownService[],
): Record<string, string> {
  const out: Record<string, string> = { HOST: listen.host };
  const own = listen.ports[0];
  if (own !== undefined) out['PORT'] = String(own.number);
  for (const service of services) Object.assign(out, serviceVariables(service));
  return out;
}

function serviceVariables(service: KnownService): Record<string, string> {
  const prefix = service.name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  const out: Record<string, string> = { [`${prefix}_SERVICE_HOST`]: service.address };
  const [first] = service.ports;
  if (first === undefined) return out;
  out[`${prefix}_SERVICE_PORT`] = String(first);
  out[`${prefix}_PORT`] = `tcp://${service.address}:${first}`;
  for (const port of service.ports) {
    const link = `${prefix}_PORT_${port}_TCP`;
    Object.assign(out, {
      [link]: `tcp://${service.address}:${port}`,
      [`${link}_PROTO`]: 'tcp',
      [`${link}_PORT`]: String(port),
      [`${link}_ADDR`]: service.address,
    });
  }
  return out;
}

/** `reviews.bookinfo.svc.cluster.local`. */
const SERVICE_NAME = /^([^.]+)\.([^.]+)\.svc\.(.+)$/;

/** Services of a namespace out of the name table and the names of outbound clusters (`outbound|9080||reviews.bookinfo.svc.cluster.local`). */
export function knownServices(
  table: Readonly<
    Record<string, { readonly ips?: readonly string[]; readonly registry?: string; readonly shortname?: string; readonly namespace?: string }>
  >,
  clusterNames: Iterable<string>,
  namespace: string,
): KnownService[] {
  const ports = new Map<string, Set<number>>();
  for (const name of clusterNames) {
    const [direction, port, subset, host] = name.split('|');
    if (direction !== 'outbound' || subset !== '' || host === undefined) continue;
    const known = ports.get(host) ?? new Set();
    ports.set(host, known.add(Number(port)));
  }
  return Object.entries(table).flatMap(([host, info]) => {
    const address = info.ips?.[0];
    const [, name, of, domain = ''] = SERVICE_NAME.exec(host) ?? [];
    if (info.registry !== 'Kubernetes' || name === undefined || of !== namespace || address === undefined) return [];
    // An ExternalName stands for another service, whose ports are meant.
    const known = ports.get(host) ?? ports.get(`${info.shortname ?? ''}.${info.namespace ?? ''}.svc.${domain}`) ?? [];
    return [{ name, address, ports: [...known].sort((a, b) => a - b) }];
  });
}
