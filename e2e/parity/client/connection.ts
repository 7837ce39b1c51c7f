import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Identities } from '../harness/identities.ts';
import type { ClientTls } from '../steps.ts';

/** One connection to the proxy, with everything that came on it. */
export interface Connection {
  readonly socket: Socket;
  /** Everything received, latin1. */
  text: string;
  /** Where the next step begins to read. */
  consumed: number;
  /** How many final responses earlier steps have read. */
  ended: 'open' | 'closed' | 'reset';
  /** What TLS agreed on, or why not. */
  tls: { readonly alpn: string; readonly version: string; readonly peer: string } | { readonly refused: true } | undefined;
  /** Resolves at the next event or after the time. */
  changed(limitMs: number): Promise<void>;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls;
  readonly from?: string;
}

/** Opens a connection; resolves also when it was refused. */
export async function openConnection(target: Target, identities: Identities): Promise<Connection> {
  const base = { host: target.host, port: target.port, allowHalfOpen: true, ...(target.from === undefined ? {} : { localAddress: target.from }) };
  const socket = target.tls === undefined ? connect(base) : connectTls({ ...base, ...tlsOptions(target.tls, identities) });
  const waiting = new Set<() => void>();
  const notify = (): void => {
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  const connection: Connection = {
    socket,
    text: '',
    consumed: 0,
    ended: 'open',
    tls: undefined,
    changed: (limitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
  socket.setNoDelay(true);
  socket.on('data', (bytes: Buffer) => {
    connection.text += bytes.toString('latin1');
    notify();
  });
  socket.on('end', () => {
    if (connection.ended === 'open') connection.ended = 'closed';
    notify();
  });
  socket.on('close', () => {
    if (connection.ended === 'open') connection.ended = 'closed';
    notify();
  });
  const ready = new Promise<void>((resolve) => {
    socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => {
      if (target.tls !== undefined) connection.tls = agreed(socket as TLSSocket);
      resolve();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      connection.ended = error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'reset' : 'closed';
      // After the handshake it is an end like any other: in TLS 1.3 the server looks at the certificate later.
      if (target.tls !== undefined) connection.tls ??= { refused: true };
      notify();
      resolve();
    });
    socket.once('close', () => resolve());
  });
  await ready;
  return connection;
}

/** Options of `tls.connect`. */
export function tlsOptions({ sni, alpn, identity, minVersion, maxVersion }: ClientTls, identities: Identities): object {
  const own = identity === undefined ? undefined : identities.of(identity);
  return {
    ca: identities.rootPem,
    checkServerIdentity: () => undefined,
    ...(sni === undefined ? {} : { servername: sni }),
    ...(alpn === undefined ? {} : { ALPNProtocols: [...alpn] }),
    ...(own === undefined ? {} : { cert: own.chain, key: own.key }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}

function agreed(socket: TLSSocket): { alpn: string; version: string; peer: string } {
  const peer = /URI:([^,]+)/.exec(socket.getPeerCertificate()?.subjectaltname ?? '')?.[1] ?? '';
  return {
    alpn: socket.alpnProtocol === false || socket.alpnProtocol === null ? '' : socket.alpnProtocol,
    version: socket.getProtocol() ?? '',
    peer,
  };
}
