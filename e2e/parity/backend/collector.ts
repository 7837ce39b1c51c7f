import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { loadCodec } from '@meltemi/protos';
import type { Journal, ServerParts } from './seen.ts';

type Json = Readonly<Record<string, unknown>>;

const ALS = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const EXPORTS: Readonly<Record<string, { readonly request: string; readonly items: (message: Json) => readonly object[] }>> = {
  logs: { request: 'opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest', items: (message) => exported(message, 'logs', 'log_records') },
  trace: { request: 'opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest', items: (message) => exported(message, 'spans', 'spans') },
};

/** A server that takes what proxies report: Envoy's log service and OTLP over gRPC, OTLP and Zipkin's JSON over HTTP/1.1. */
export function createCollector(http: 'http1' | 'http2', parts: ServerParts): Server | Http2Server {
  return http === 'http2' ? overGrpc(parts) : overHttp(parts);
}

function overGrpc({ name, journal }: ServerParts): Http2Server {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const path = String(headers[':path']);
    let pending = Buffer.alloc(0);
    if (path === ALS) stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.on('error', () => undefined);
    stream.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
        const end = 5 + pending.readUInt32BE(1);
        collect(journal, name, readMessage(path, pending.subarray(5, end)));
        pending = pending.subarray(end);
      }
    });
    stream.on('end', () => {
      if (stream.destroyed) return;
      if (path === ALS) return void stream.end();
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
  });
  return server;
}

function overHttp({ name, journal }: ServerParts): Server {
  return createHttpServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const body = Buffer.concat(pieces);
      const type = request.headers['content-type'] ?? '';
      const about = { path: request.url, host: request.headers.host, type };
      const items = type.includes('json') ? (JSON.parse(body.toString('utf8')) as readonly object[]) : readMessage(request.url ?? '', body);
      collect(
        journal,
        name,
        items.map((item) => ({ ...item, request: about })),
      );
      response.writeHead(type.includes('json') ? 202 : 200);
      response.end();
    });
  });
}

function collect(journal: Journal, at: string, items: readonly object[]): void {
  for (const item of items) journal.collected.push({ at, item });
  journal.note();
}

function readMessage(path: string, bytes: Uint8Array): readonly object[] {
  const codec = loadCodec('all');
  if (path === ALS) {
    const message = codec.decode('envoy.service.accesslog.v3.StreamAccessLogsMessage', bytes) as Json;
    return [
      ...(message['identifier'] === undefined ? [] : [{ identifier: about(message['identifier'] as Json) }]),
      ...entriesOf(message['http_logs']),
      ...entriesOf(message['tcp_logs']),
    ];
  }
  const kind = path.includes('logs') ? EXPORTS['logs'] : EXPORTS['trace'];
  return kind === undefined ? [] : kind.items(codec.decode(kind.request, bytes) as Json);
}

/** Who speaks: a node tells its build and extensions too, which are each proxy's own. */
function about({ node, log_name }: Json): Json {
  const { id, cluster } = (node ?? {}) as Json;
  return { log_name, named: id !== undefined, cluster };
}

function entriesOf(logs: unknown): readonly object[] {
  return (logs as { readonly log_entry?: readonly object[] } | undefined)?.log_entry ?? [];
}

/** What stands below resource and scope, each with the resource's attributes. */
function exported(message: Json, kind: 'logs' | 'spans', items: 'log_records' | 'spans'): readonly object[] {
  const groups = (message[`resource_${kind}`] ?? []) as readonly Json[];
  return groups.flatMap(({ resource, [`scope_${kind}`]: scopes }) =>
    ((scopes ?? []) as readonly Json[]).flatMap((scope) =>
      ((scope[items] ?? []) as readonly Json[]).map((item) => ({
        ...item,
        ...('attributes' in item ? { attributes: byKey(item['attributes']) } : {}),
        resource: byKey((resource as Json | undefined)?.['attributes']),
      })),
    ),
  );
}

/** Which library has written it is left out. */
function byKey(attributes: unknown): Json {
  const list = (attributes ?? []) as readonly { readonly key: string; readonly value: Json }[];
  const told = list.filter(({ key }) => !key.startsWith('telemetry.sdk.')).map(({ key, value }) => [key, value?.['string_value'] ?? value] as const);
  return Object.fromEntries(told.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Numbers that the clock or the writer's own way of writing makes. */
const DIFFERENT =
  /^(ipv4|node_name|node_id|port_value|port|time_unix_nano|observed_time_unix_nano|start_time_unix_nano|end_time_unix_nano|start_time|duration|time_to_.*|timestamp|.*_headers_bytes|.*_wire_bytes_.*|.*_header_bytes_.*)$/;
const IDS = /^(trace_id|span_id|parent_span_id|traceId|id|parentId)$/;

/** What came, in an order of its own and with names in place of ids, so that two runs can be compared. */
export function comparableItems(items: readonly object[]): readonly object[] {
  const names = new Map<string, string>();
  const nameOf = (id: string): string => {
    const known = names.get(id) ?? `<id ${names.size + 1}>`;
    names.set(id, known);
    return known;
  };
  const walk = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, ''));
    if (typeof value !== 'object' || value === null) {
      if (DIFFERENT.test(key)) return `<${key}>`;
      return IDS.test(key) && value !== '' ? nameOf(hexOf(String(value))) : value;
    }
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, item]) => [name, walk(item, name)]),
    );
  };
  const sorted = items.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  return sorted.map((item) => walk(item, '') as object);
}

function orderOf(item: object): string {
  const { kind = '', name = '', common_properties: common } = item as Json;
  return `${'identifier' in item ? '0' : '1'} ${String(kind)} ${String(name)} ${JSON.stringify((common as Json | undefined)?.['route_name'] ?? '')}`;
}

/** Bytes come as base64, JSON has digits. */
function hexOf(id: string): string {
  return /^[0-9a-f]+$/.test(id) ? id : Buffer.from(id, 'base64').toString('hex');
}
