/** The name that stands for all sidecars in `gateways`. */
export const MESH_GATEWAY = 'mesh';

/** `mesh`, or `namespace/name`: a bare name is of the VirtualService's own namespace, and so is `./name`. */
export function resolveGateway(gateway: string, namespace: string): string {
  if (gateway === MESH_GATEWAY) return gateway;
  const slash = gateway.indexOf('/');
  if (slash < 0) return `${namespace}/${gateway}`;
  return gateway.startsWith('./') ? `${namespace}/${gateway.slice(2)}` : gateway;
}
