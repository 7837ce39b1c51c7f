import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { MeshError, silentLog, type Log } from '@meltemi/base';
import type { AccessDecision, Authorizer } from './auth.ts';
import { parseJson, readBody } from './body.ts';
import { isOwnHost } from './host-check.ts';
import { errorResponse, HttpError } from './respond.ts';
import { createRouter, type RouteMatch } from './router.ts';
import type { Caller, HttpRequest, HttpResponse, Route } from './types.ts';
import { createBodyWriter } from './writer.ts';

/** Bounds of a server; all have defaults. */
export interface ServerLimits {
  /** Default 4 MiB. */
  readonly maxBodyBytes: number;
  /** Default 32 KiB. */
  readonly maxHeaderBytes: number;
  /** Connections at a time; default 1000. */
  readonly maxConnections: number;
  /** Time for all headers; default 10 s. */
  readonly headersTimeoutMs: number;
  /** Time for headers and body; default 30 s. */
  readonly requestTimeoutMs: number;
  /** Idle connections are closed; default 65 s. */
  readonly keepAliveTimeoutMs: number;
}

export interface HttpServerOptions {
  readonly routes: readonly Route[];
  readonly authorize: Authorizer;
  /** Names besides localhost and IP addresses under which the server may be called. */
  readonly hostNames?: readonly string[];
  /** What a browser that asks for a page without the right to read it gets; without, the error as JSON like everybody else. */
  readonly signInPage?: () => HttpResponse;
  readonly limits?: Partial<ServerLimits>;
  readonly log?: Log;
}

export interface HttpServer extends AsyncDisposable {
  /** Port 0 takes a free one. Throws MeshError `http/listen` with the reason. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /** Ends streams and idle connections, waits for running requests at most `graceMs` (default 1000). */
  close(graceMs?: number): Promise<void>;
}

const DEFAULTS: ServerLimits = {
  maxBodyBytes: 4 << 20,
  maxHeaderBytes: 32 << 10,
  maxConnections: 1000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
};
const COMMON_HEADERS = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' };

type Found = Extract<RouteMatch, { readonly t: 'found' }>;

interface Context {
  readonly match: ReturnType<typeof createRouter>;
  readonly options: HttpServerOptions;
  readonly limits: ServerLimits;
  readonly log: Log;
  readonly closing: AbortSignal;
}

/** A server for a table of routes. Errors are answered as `{ code, message }`. Throws MeshError `http/route` for a faulty table. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const closing = new AbortController();
  const limits = { ...DEFAULTS, ...options.limits };
  const context: Context = { match: createRouter(options.routes), options, limits, log: options.log ?? silentLog, closing: closing.signal };
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    },
    (message, response) => void handle(context, message, response),
  );
  server.maxConnections = limits.maxConnections;
  const close = (graceMs = 1000): Promise<void> => closeServer(server, closing, graceMs);
  return { listen: ({ host, port }) => listen(server, host, port), close, [Symbol.asyncDispose]: () => close() };
}

async function listen(server: Server, host: string, port: number): Promise<{ host: string; port: number; url: string }> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const hint = error.code === 'EADDRINUSE' ? 'another process has it' : error.message;
      reject(new MeshError('http/listen', `cannot listen on ${host}:${port}: ${hint}`, { cause: error }));
    };
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.off('error', onError);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  // A wildcard is no address to call: this machine reaches it on loopback.
  const shown = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[address.address] ?? (address.family === 'IPv6' ? `[${address.address}]` : address.address);
  return { host: address.address, port: address.port, url: `http://${shown}:${address.port}` };
}

async function closeServer(server: Server, closing: AbortController, graceMs: number): Promise<void> {
  closing.abort();
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

async function handle(context: Context, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const signal = AbortSignal.any([left.signal, context.closing]);
  try {
    const answer = await answerOf(context, message, signal);
    await send(message, response, answer, signal);
  } catch (error) {
    if (error instanceof MeshError && error.code === 'http/client-gone') return void response.destroy();
    context.log.error('http request failed', {
      method: message.method,
      path: pathOf(message),
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    // The head may be out already: then only breaking off tells the client.
    if (response.headersSent) response.destroy();
    else
      await send(message, response, errorResponse(500, 'http/internal', 'The server failed on this request; its log says how.'), signal).catch(() =>
        response.destroy(),
      );
  }
}

async function answerOf(context: Context, message: IncomingMessage, signal: AbortSignal): Promise<HttpResponse> {
  if (!isOwnHost(message.headers.host, context.options.hostNames ?? [])) {
    return errorResponse(
      421,
      'http/wrong-host',
      `This server is not "${message.headers.host ?? ''}". Call it by IP address, localhost or a name it was started with.`,
    );
  }
  const method = message.method ?? 'GET';
  const found = context.match(method, pathOf(message));
  if (found.t === 'none') return errorResponse(404, 'http/not-found', `There is nothing at ${pathOf(message)}.`);
  if (found.t === 'method') {
    const refused = errorResponse(405, 'http/method', `${method} is not possible at ${pathOf(message)}; possible: ${found.allow.join(', ')}.`);
    return { ...refused, headers: { ...refused.headers, allow: found.allow.join(', ') } };
  }
  return callRoute(context, message, found, signal);
}

async function callRoute(context: Context, message: IncomingMessage, { route, params }: Found, signal: AbortSignal): Promise<HttpResponse> {
  const remoteAddress = message.socket.remoteAddress ?? '';
  const access = route.access ?? (route.method === 'GET' || route.method === 'HEAD' ? 'read' : 'write');
  const decision = context.options.authorize({ access, headers: message.headers, remoteAddress });
  if (decision.t === 'refuse') return refuse(context, message, decision);
  try {
    return await route.handler(
      toRequest(message, params, { remoteAddress, caller: decision.caller, signal, maxBodyBytes: route.maxBodyBytes ?? context.limits.maxBodyBytes }),
    );
  } catch (error) {
    if (error instanceof HttpError) return errorResponse(error.status, error.code, error.message);
    throw error;
  }
}

/** A browser that asks for a page gets one; everybody else the error as JSON. */
function refuse(
  { options }: Context,
  message: IncomingMessage,
  { status, code, message: text }: Extract<AccessDecision, { readonly t: 'refuse' }>,
): HttpResponse {
  const asksForPage = message.method === 'GET' && (message.headers.accept ?? '').includes('text/html');
  return status === 401 && asksForPage && options.signInPage !== undefined ? options.signInPage() : errorResponse(status, code, text);
}

function toRequest(
  message: IncomingMessage,
  params: Readonly<Record<string, string>>,
  rest: { readonly remoteAddress: string; readonly caller: Caller; readonly signal: AbortSignal; readonly maxBodyBytes: number },
): HttpRequest {
  const bytes = (): Promise<Buffer> => readBody(message, rest.maxBodyBytes);
  return {
    method: message.method ?? 'GET',
    path: pathOf(message),
    query: new URLSearchParams(queryOf(message)),
    params,
    headers: message.headers,
    remoteAddress: rest.remoteAddress,
    localAddress: (message.socket.localAddress ?? '').replace(/^::ffff:/, ''),
    caller: rest.caller,
    signal: rest.signal,
    bytes,
    text: async () => (await bytes()).toString('utf8'),
    json: async () => parseJson(await bytes()),
  };
}

async function send(message: IncomingMessage, response: ServerResponse, answer: HttpResponse, signal: AbortSignal): Promise<void> {
  const { body } = answer;
  const isHead = message.method === 'HEAD';
  response.writeHead(answer.status, headersOf(message, answer));
  if (typeof body === 'function') {
    if (!isHead) await body(createBodyWriter(response, signal));
    response.end();
  } else response.end(isHead ? undefined : body);
}

function headersOf(message: IncomingMessage, { status, headers, body }: HttpResponse): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = { ...COMMON_HEADERS };
  for (const [name, value] of Object.entries(headers ?? {})) out[name] = typeof value === 'string' ? value : [...value];
  if (typeof body !== 'function' && status !== 304) out['content-length'] = String(Buffer.byteLength(body ?? ''));
  // A body that nobody read would be taken for the next request: such a connection cannot be used again.
  const announced = message.headers['content-length'] ?? message.headers['transfer-encoding'] ?? '0';
  if (!message.complete && announced !== '0') out['connection'] = 'close';
  return out;
}

function pathOf(message: IncomingMessage): string {
  return (message.url ?? '/').split('?', 1)[0] ?? '/';
}

/** All after the first question mark: a query may hold more of them (RFC 3986, 3.4). */
function queryOf(message: IncomingMessage): string {
  const url = message.url ?? '';
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}
