/**
 * How a port is spoken to. `unknown` is a port whose name says nothing: the first bytes of a connection tell.
 * `udp` ports are never proxied.
 */
export type Protocol = 'http' | 'http2' | 'grpc' | 'grpc-web' | 'https' | 'tls' | 'tcp' | 'mongo' | 'mysql' | 'redis' | 'udp' | 'unknown';

const NAMES: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ['http', 'http'],
  ['http_proxy', 'http'],
  ['http2', 'http2'],
  ['grpc', 'grpc'],
  ['grpc-web', 'grpc-web'],
  ['https', 'https'],
  ['tls', 'tls'],
  ['tcp', 'tcp'],
  ['mongo', 'mongo'],
  ['mysql', 'mysql'],
  ['redis', 'redis'],
  ['udp', 'udp'],
]);
const APP_PROTOCOLS: ReadonlyMap<string, Protocol> = new Map<string, Protocol>([
  ['kubernetes.io/h2c', 'http2'],
  ['kubernetes.io/ws', 'http'],
  ['kubernetes.io/wss', 'https'],
]);
/** Server-first protocols live on these: sniffing would wait for ever, so an unnamed port is TCP. */
const SERVER_FIRST_PORTS: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** A protocol by its written name (`HTTP`, `grpc-web`, `kubernetes.io/h2c`), case-insensitively; undefined if it is none of ours. */
export function parseProtocol(text: string): Protocol | undefined {
  const lower = text.toLowerCase();
  return NAMES.get(lower) ?? APP_PROTOCOLS.get(lower);
}

/** Istio's selection for a Kubernetes Service port: transport UDP, then `appProtocol`, then the port name up to its first `-`, then the port. */
export function selectProtocol(port: {
  readonly number: number;
  readonly name?: string;
  readonly appProtocol?: string;
  readonly transport?: string;
}): Protocol {
  if (port.transport?.toUpperCase() === 'UDP') return 'udp';
  if (port.appProtocol !== undefined) {
    const explicit = parseProtocol(port.appProtocol);
    if (explicit !== undefined) return explicit;
  }
  const name = (port.name ?? '').toLowerCase();
  if (name === 'grpc-web' || name.startsWith('grpc-web-')) return 'grpc-web';
  const named = NAMES.get(name.split('-', 1)[0] ?? '');
  if (named !== undefined) return named;
  return SERVER_FIRST_PORTS.has(port.number) ? 'tcp' : 'unknown';
}

/** Spoken with an HTTP connection manager. */
export function isHttp(protocol: Protocol): boolean {
  return protocol === 'http' || protocol === 'http2' || protocol === 'grpc' || protocol === 'grpc-web';
}

/** HTTP/2 to the upstream. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === 'http2' || protocol === 'grpc' || protocol === 'grpc-web';
}

/** The application's own TLS on the wire: opaque here, routed by SNI. */
export function isTls(protocol: Protocol): boolean {
  return protocol === 'https' || protocol === 'tls';
}
