import type { SidecarEgress } from '@meltemi/api';
import { parseProtocol, type EgressScope, type Service, type ServicePort } from '@meltemi/model';
import type { NodeScope } from '../common/node-scope.ts';

/** Name of the route table of an egress listener with a port. */
export function egressRouteName(listener: SidecarEgress): string {
  return String(listener.port?.number ?? 0);
}

/** Address on which the proxy itself listens for an egress listener; undefined: connections come as they always do. */
export function egressBind(listener: SidecarEgress | undefined, scope: NodeScope): string | undefined {
  if (listener?.port === undefined) return undefined;
  if (listener.bind !== undefined && listener.bind !== '') return listener.bind;
  // Where nothing is redirected, services have addresses of their own that are listened on anyway.
  return listener.captureMode === 'NONE' && scope.interception === 'REDIRECT' ? '127.0.0.1' : undefined;
}

/** The ports of services that an egress listener is for: those of its number, else all that no other listener is for. */
export function egressPorts(egress: EgressScope, all: readonly EgressScope[]): readonly { readonly service: Service; readonly port: ServicePort }[] {
  const own = egress.listener?.port;
  const others = new Set(all.map(({ listener }) => listener?.port?.number));
  const protocol = own?.protocol === undefined ? undefined : parseProtocol(own.protocol);
  return egress.services.list.flatMap((service) =>
    service.ports
      .filter((port) => (own === undefined ? !others.has(port.number) : port.number === own.number))
      .map((port) => ({ service, port: protocol === undefined || protocol === port.protocol ? port : { ...port, protocol } })),
  );
}
