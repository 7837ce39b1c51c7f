import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { MeshError } from '@meltemi/base';
import { isLoopback } from '@meltemi/runtime';
import { listenAt } from '../net/handed-sockets.ts';
import type { PortSharing } from '../net/node-listener.ts';
import type { AdminContext, AdminEndpoint, AdminResponse } from './context.ts';
import { listOf, text } from './context.ts';

/** An admin or metrics port. */
export interface AdminServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Where a port is, and whether a successor may have it too. */
export interface AdminPlace {
  readonly address: string;
  readonly port: number;
  readonly sharing?: PortSharing;
  /** This machine's address, where it is seen from a namespace of the workload's own: who comes from it is local. */
  readonly machine?: string | undefined;
}

/** Serves these endpoints. Throws MeshError `proxy/admin-bind` when the port cannot be had. */
export async function startAdminServer(
  { address, port, sharing = 'own', machine }: AdminPlace,
  endpoints: readonly AdminEndpoint[],
  context: AdminContext,
): Promise<AdminServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => {
    void answer({ request, response, local: machine === undefined ? [address] : [address, machine] }, endpoints, context).then((result) =>
      send(response, result),
    );
  });
  server.maxConnections = 64;
  // The same question as for listeners: does somebody else have it?
  if (sharing === 'first' && port !== 0)
    await listen(createServer(), { address, port }).then((probe) => new Promise((resolve) => probe.close(resolve)));
  await listen(server, { address, port, sharing });
  const bound = server.address() as AddressInfo;
  return {
    address: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { address, port, sharing = 'own' }: AdminPlace): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new MeshError('proxy/admin-bind', `The admin port ${address}:${port} cannot be bound: ${cause.message}. Does another proxy use it?`, {
          cause,
        }),
      ),
    );
    listenAt(server, { address, port, reusePort: port !== 0 && (sharing === 'first' || sharing === 'shared') }, () => resolve(server));
  });
}

/** One request, and the addresses that are this machine's besides loopback. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly local: readonly string[];
}

async function answer({ request, response, local }: Asked, endpoints: readonly AdminEndpoint[], context: AdminContext): Promise<AdminResponse> {
  // A target such as "//" is none: a throw here would be a rejection that nobody hears, and end the proxy.
  const url = URL.parse(request.url ?? '/', 'http://admin');
  if (url === null) return text('the request target cannot be read\n', 400);
  if (!isOwnHost(request.headers.host ?? '')) return text('the host of an admin request must be an address or localhost\n', 403);
  const path = url.pathname;
  const endpoint = endpoints.find((item) => item.path === path);
  if (endpoint === undefined) return text(`invalid path. ${listOf(endpoints)}`, 404);
  const refused = endpoint.write ? refuseWrite(request, local) : undefined;
  if (refused !== undefined) return refused;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const body = await readBody(request);
    if (body === undefined) return text('the body is too large\n', 413);
    return await endpoint.handle(context, { method: request.method ?? 'GET', path, query: url.searchParams, body, gone: gone.signal });
  } catch (error) {
    context.log.error('an admin request failed', { path, error: String(error) });
    return text('internal error\n', 500);
  }
}

const MAX_BODY_BYTES = 64 * 1024;

/** undefined = too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** Names would let a web page reach us through a name of its own (DNS rebinding). */
function isOwnHost(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === '' || name === 'localhost' || isIP(name) !== 0;
}

/** What changes something takes POST, and only from this machine: loopback, or the workload itself. Not from a page in a browser, whoever's it is. */
function refuseWrite(request: IncomingMessage, local: readonly string[]): AdminResponse | undefined {
  if (request.method !== 'POST') return text(`Method ${request.method} not allowed, POST required.`, 405);
  const from = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  if (request.headers.origin !== undefined) return text('refused: pages in a browser may not do that\n', 403);
  return isLoopback(from) || local.includes(from) ? undefined : text(`refused: only this machine may do that, not ${from}\n`, 403);
}

function send(response: ServerResponse, { status, type, body, stream }: AdminResponse): void {
  const contentType = type === 'text/plain' || type === 'text/html' ? `${type}; charset=UTF-8` : type;
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-cache, max-age=0', 'x-content-type-options': 'nosniff' });
  if (stream === undefined) response.end(body);
  else void sendPieces(response, stream);
}

/** The client takes more, or has gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** As fast as the client takes them. */
async function sendPieces(response: ServerResponse, stream: AsyncIterable<string>): Promise<void> {
  response.flushHeaders();
  for await (const piece of stream) {
    if (response.destroyed) return;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}
