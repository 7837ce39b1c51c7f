import { createServer as createHttp2Server, createSecureServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { BackendAddress } from '../harness/context.ts';
import type { Identities } from '../harness/identities.ts';
import { createCollector } from './collector.ts';
import { createReplies, serveHttp1 } from './http1-server.ts';
import { serveHttp2 } from './http2-server.ts';
import type { BackendScript, TcpScript } from './script.ts';
import { createJournal, serverTlsOptions, type Journal, type ServerParts } from './seen.ts';

/** The backends of one case and proxy. */
export interface Backends extends AsyncDisposable {
  readonly addresses: ReadonlyMap<string, BackendAddress>;
  readonly journal: Journal;
}

const HOST = '127.0.0.1';
/** Loopback too, but nobody listens here. */
const CLOSED_HOST = '127.0.77.1';

export async function startBackends(scripts: Readonly<Record<string, BackendScript>>, identities: Identities): Promise<Backends> {
  const journal = createJournal();
  const servers: (Server | Http2Server | Http2SecureServer)[] = [];
  const sockets = new Set<Socket>();
  const addresses = new Map<string, BackendAddress>();
  for (const [name, script] of Object.entries(scripts)) {
    const server = createBackend(script, { name, journal, identities });
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      journal.connections.set(name, (journal.connections.get(name) ?? 0) + 1);
      journal.note();
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    // The port of a closed one stays taken, so that no other server gets it, and is told with an address where nobody listens.
    addresses.set(name, { host: isClosed(script) ? CLOSED_HOST : HOST, port: (server.address() as AddressInfo).port });
    servers.push(server);
  }
  return {
    addresses,
    journal,
    async [Symbol.asyncDispose]() {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

function isClosed(script: BackendScript): boolean {
  return 't' in script && script.t === 'closed';
}

function createBackend(script: BackendScript, parts: ServerParts): Server | Http2Server | Http2SecureServer {
  if (!('t' in script)) {
    const replies = createReplies(script);
    return createServer({ allowHalfOpen: true }, (socket) => serveHttp1(socket, parts, replies));
  }
  if (script.t === 'closed') return createServer();
  if (script.t === 'collector') return createCollector(script.http, parts);
  const tls = script.tls === undefined ? undefined : serverTlsOptions(script.tls, parts.identities);
  if (script.t === 'http2') {
    const server = tls === undefined ? createHttp2Server() : createSecureServer(tls);
    serveHttp2(server, parts, createReplies(script.replies));
    return server;
  }
  const serve =
    script.t === 'tcp'
      ? (socket: Socket): void => serveTcp(socket, parts, script.tcp)
      : (
          (replies) => (socket: Socket) =>
            serveHttp1(socket, parts, replies)
        )(createReplies(script.replies));
  if (tls === undefined) return createServer({ allowHalfOpen: true }, serve);
  const server = createTlsServer({ ...tls, allowHalfOpen: true } as object, serve);
  server.on('tlsClientError', () => undefined);
  return server;
}

/** One connection of bytes; told in the journal as a "request" whose body is what came. */
function serveTcp(socket: Socket, { name, journal }: ServerParts, script: TcpScript): void {
  const seen = { at: name, method: 'TCP', target: '', version: '', headers: {}, body: '', trailers: {}, complete: false, cut: false };
  journal.requests.push(seen);
  if (script.greeting !== undefined) socket.write(script.greeting, 'latin1');
  if (script.after === 'close') socket.end();
  socket.on('data', (bytes: Buffer) => {
    seen.body += bytes.toString('latin1');
    journal.note();
    if (script.after === 'reset') return void socket.resetAndDestroy();
    if (script.echo === true) socket.write(bytes);
  });
  socket.on('end', () => {
    seen.complete = true;
    journal.note();
    if (script.after === 'ignore-fin') return;
    if (script.farewell === undefined) socket.end();
    else socket.end(script.farewell, 'latin1');
  });
  socket.on('error', () => (seen.cut = true));
  socket.on('close', () => {
    if (!seen.complete) seen.cut = true;
    journal.note();
  });
}
