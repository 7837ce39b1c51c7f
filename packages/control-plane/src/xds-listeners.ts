import { createGrpcServer, type GrpcServer, type MethodHandler, type TlsServerOptions } from '@meltemi/grpc';
import type { ServerCertificate, ServerSecret } from './ca/index.ts';
import type { ControlPlaneOptions } from './options.ts';

/** The gRPC ports of the control plane. */
export interface XdsListeners {
  /** `host:port` of the mTLS port for workloads on this machine or beyond. */
  readonly address: string;
  /** The same for whoever reached this machine at `calledAddress`: bound to every address, there is no other that is known to work. */
  addressAt(calledAddress: string): string;
  /** The same on the bridge, for workloads in network namespaces. */
  readonly networkAddress: string | undefined;
  readonly plaintextAddress: string | undefined;
  close(): Promise<void>;
}

type Handlers = Readonly<Record<string, MethodHandler>>;

/** Binds the mTLS port (also on the bridge, same number) and, when asked, the plaintext one. The certificate is swapped as it is renewed. */
export async function listenXds(
  options: ControlPlaneOptions,
  secure: Handlers,
  plaintext: Handlers,
  certificate: ServerCertificate,
): Promise<XdsListeners> {
  const servers: GrpcServer[] = [];
  const closeAll = async (): Promise<void> => {
    stopWatching();
    await Promise.all(servers.map((server) => server.close()));
  };
  const stopWatching = certificate.onChange((secret) => {
    for (const server of servers.slice(0, secured)) server.setSecureContext(tlsOf(secret));
  });
  let secured = 0;
  const listen = async (methods: Handlers, host: string, port: number, tls: boolean): Promise<string> => {
    const server = createGrpcServer({ methods, log: options.log, ...(tls ? { tls: tlsOf(certificate.current()) } : {}) });
    servers.push(server);
    const bound = await server.listen({ host, port });
    if (tls) secured = servers.length;
    return hostPort(bound.address, bound.port);
  };
  try {
    const bound = await listen(secure, options.bind, options.xdsPort, true);
    const port = Number(bound.slice(bound.lastIndexOf(':') + 1));
    // A wildcard is no address to call, and holds the bridge's too.
    const wildcard = options.bind === '0.0.0.0' || options.bind === '::';
    const address = wildcard ? `127.0.0.1:${port}` : bound;
    const bridge = options.network?.gateway;
    const networkAddress = bridge === undefined ? undefined : wildcard ? `${bridge}:${port}` : await listen(secure, bridge, port, true);
    const { plaintextXds } = options;
    const plaintextAddress = plaintextXds === undefined ? undefined : await listen(plaintext, plaintextXds.host, plaintextXds.port, false);
    const addressAt = (calledAddress: string): string => (wildcard && calledAddress !== '' ? hostPort(calledAddress, port) : address);
    return { address, addressAt, networkAddress, plaintextAddress, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function hostPort(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function tlsOf(secret: ServerSecret): TlsServerOptions {
  return { certificateChain: secret.cert, privateKey: secret.key, trustedCa: secret.ca };
}
