import { Agent, request, type IncomingMessage } from 'node:http';
import type { AppRequest, Environment } from './server.ts';

/**
 * Headers that go from a request to the requests it causes: what ties spans of one trace together (W3C, B3 in both forms, the
 * mesh's request id and other tracers' own), and what identifies the user. Without a mesh library this is all a program does.
 */
const FORWARDED_HEADERS = [
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-ot-span-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'sw8',
  'end-user',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
] as const;

export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
}

/** What a call gave: the status and body of an answer, or why there is none. */
export type CallResult = { readonly t: 'answer'; readonly status: number; readonly body: string } | { readonly t: 'failed'; readonly reason: string };

const agent = new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 16 });

/** Address of a service: `REVIEWS_SERVICE_HOST` and `REVIEWS_SERVICE_PORT` where the platform sets them, else its name. */
export function serviceAddress(env: Environment, name: string, port: number): ServiceAddress {
  const key = name.toUpperCase().replaceAll('-', '_');
  return { host: env[`${key}_SERVICE_HOST`] ?? name, port: Number(env[`${key}_SERVICE_PORT`] ?? port) };
}

/** The headers of `from` that belong to calls made on its behalf. */
export function forwardedHeaders(from: AppRequest['headers']): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of FORWARDED_HEADERS) {
    const value = from[name];
    if (typeof value === 'string') headers[name] = value;
    else if (value !== undefined) headers[name] = value.join(', ');
  }
  return headers;
}

/** GET with a deadline. A kept connection that the other side closed meanwhile is replaced once; nothing else is retried. */
export async function get(to: ServiceAddress, path: string, headers: Record<string, string>, timeoutMs: number): Promise<CallResult> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const sent = { ...headers, host: `${to.host}:${to.port}` };
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await once(to, path, sent, deadline);
    if (outcome.t !== 'stale' || attempt > 0) return outcome.t === 'stale' ? { t: 'failed', reason: 'connection closed by the peer' } : outcome;
  }
}

function once(to: ServiceAddress, path: string, headers: Record<string, string>, deadline: AbortSignal): Promise<CallResult | { t: 'stale' }> {
  return new Promise((resolve) => {
    const call = request({ host: to.host, port: to.port, path, headers, agent, signal: deadline }, (response) => {
      read(response).then(
        (body) => resolve({ t: 'answer', status: response.statusCode ?? 0, body }),
        (error: Error) => resolve({ t: 'failed', reason: error.message }),
      );
    });
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (call.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) resolve({ t: 'stale' });
      else resolve({ t: 'failed', reason: deadline.aborted ? 'timed out' : error.message });
    });
    call.end();
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
