import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { enableCompileCache } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createMetrics } from './metrics.ts';

/** One request as a Bookinfo program sees it. `body` is at most 64 KiB of text. */
export interface AppRequest {
  readonly method: string;
  /** Path without the query, percent-decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: AppRequest) => Answer | Promise<Answer>;

/** A listening program; `close` stops accepting, lets requests in flight end and resolves when the port is free. */
export interface RunningServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const MAX_BODY_BYTES = 65_536;

export function json(value: unknown, status = 200): Answer {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

/** Serves `handler`, with `/metrics` in front of it and a line per request on standard output. */
export function listen(handler: Handler, options: { host: string; port: number; log?: (line: string) => void }): Promise<RunningServer> {
  const metrics = createMetrics();
  const log = options.log ?? ((line: string) => console.log(line));
  const server = createServer((request, response) => {
    const startedMs = performance.now();
    response.on('finish', () => log(logLine(request, response, performance.now() - startedMs)));
    answer(request, handler, metrics).then(
      (result) => write(response, result),
      (error: unknown) => write(response, failure(error)),
    );
  });
  // Longer than Envoy keeps an upstream connection without requests (one hour), so that it is never we who close under a request.
  server.keepAliveTimeout = 3_700_000;
  server.requestTimeout = 60_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      const address = server.address() as AddressInfo;
      resolve({ host: address.address, port: address.port, close: () => close(server) });
    });
  });
}

/** Runs a program until SIGTERM or SIGINT: HOST and PORT from the environment, 0.0.0.0:9080 without. */
export async function runProgram(name: string, handler: Handler, env: Environment): Promise<void> {
  enableCompileCache();
  const running = await listen(handler, { host: env['HOST'] ?? '0.0.0.0', port: Number(env['PORT'] ?? '9080') });
  console.log(`${name} ${env['SERVICE_VERSION'] ?? 'v1'} listens on ${running.host}:${running.port}`);
  const stop = (): void => {
    void running.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

async function answer(request: IncomingMessage, handler: Handler, metrics: { text(): string }): Promise<Answer> {
  const url = URL.parse(request.url ?? '/', 'http://bookinfo.invalid');
  if (url === null) return json({ error: 'the request target cannot be read' }, 400);
  if (url.pathname === '/metrics') return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.text() };
  const body = await readBody(request);
  if (body === undefined) return json({ error: `request body is larger than ${MAX_BODY_BYTES} bytes` }, 413);
  return handler({ method: request.method ?? 'GET', path: safeDecode(url.pathname), query: url.searchParams, headers: request.headers, body });
}

function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function write(response: ServerResponse, result: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(result.body);
  response.writeHead(result.status, { 'content-type': result.type, 'content-length': body.length, ...result.headers });
  response.end(body);
}

function failure(error: unknown): Answer {
  console.error(error instanceof Error ? error.message : String(error));
  return json({ error: 'internal error' }, 500);
}

function logLine(request: IncomingMessage, response: ServerResponse, durationMs: number): string {
  const user = request.headers['end-user'];
  const id = request.headers['x-request-id'];
  const extra = `${id === undefined ? '' : ` request-id=${String(id)}`}${user === undefined ? '' : ` end-user=${String(user)}`}`;
  return `${new Date().toISOString()} ${request.method ?? '-'} ${request.url ?? '-'} ${response.statusCode} ${durationMs.toFixed(1)}ms${extra}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    // A request that hangs must not keep the program from ending.
    setTimeout(() => server.closeAllConnections(), 3000).unref();
  });
}
