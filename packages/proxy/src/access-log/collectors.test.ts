/** Collectors that are away, slow or come back: requests go on, what waits is bounded, and what is dropped is counted. */
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { any, cluster, hcm, plainListener, ROUTER } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawCall, startPlane, type Plane } from '../testing/plane.ts';

const codec = loadCodec('sidecar');
const ALS = 'envoy.service.accesslog.v3.StreamAccessLogsMessage';
const closers: (() => unknown)[] = [];
after(async () => {
  for (const close of closers.toReversed()) await close();
});

const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

/** A port where nobody listens any more. */
async function closedPort(): Promise<number> {
  const server = createHttpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Collector {
  readonly port: number;
  /** Messages by stream. */
  readonly streams: object[][];
  /** Ends all connections. */
  hangUp(): void;
}

async function startCollector(reads = true): Promise<Collector> {
  const server: Http2Server = createServer();
  const sessions = new Set<ServerHttp2Session>();
  const streams: object[][] = [];
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream) => {
    const messages: object[] = [];
    streams.push(messages);
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    if (!reads) return;
    let pending = Buffer.alloc(0);
    stream.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
        const end = 5 + pending.readUInt32BE(1);
        messages.push(codec.decode(ALS, pending.subarray(5, end)));
        pending = pending.subarray(end);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hangUp = (): void => {
    for (const session of sessions) session.destroy();
    sessions.clear();
  };
  closers.push(() => (hangUp(), new Promise((resolve) => server.close(resolve))));
  return { port: (server.address() as AddressInfo).port, streams, hangUp };
}

function serviceLog(flush: string): object {
  return {
    access_log: [
      {
        name: 'envoy.access_loggers.http_grpc',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig',
          common_config: {
            log_name: 'test',
            transport_api_version: 'V3',
            grpc_service: { envoy_grpc: { cluster_name: 'collector' } },
            buffer_flush_interval: flush,
          },
          additional_request_headers_to_log: ['x-large'],
        },
      },
    ],
  };
}

const OK = [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'ok' } } }];

async function plane(port: number, more: object, upstream: object = HTTP2): Promise<Plane> {
  const started = await startPlane({ clusters: [cluster('collector', [port], upstream)], listeners: [plainListener('in', hcm(OK, more))] });
  closers.push(() => started[Symbol.asyncDispose]());
  return started;
}

const LARGE = 'x'.repeat(8_000);

async function call(to: Plane, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const answer = await rawCall(to.port('in'), `GET / HTTP/1.1\r\nhost: a\r\nx-large: ${LARGE}\r\nconnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200/);
  }
}

const count = (of: Plane, name: string): number =>
  of.dataPlane.stats().find(({ kind, counters }) => kind === 'other' && name in counters)?.counters[name] ?? 0;
const WRITTEN = 'access_logs.grpc_access_log.logs_written';
const DROPPED = 'access_logs.grpc_access_log.logs_dropped';

test('a log service that is away: a bounded number of entries waits, the others are dropped and counted', async () => {
  const away = await plane(await closedPort(), serviceLog('0.02s'));
  await call(away, 200);
  await away.ended(200);
  assert.equal(count(away, WRITTEN) + count(away, DROPPED), 200);
  assert.ok(count(away, DROPPED) > 0, 'nothing was dropped');
  assert.ok(count(away, WRITTEN) * LARGE.length < 4 * 1024 * 1024, `${count(away, WRITTEN)} entries were taken`);
});

test('a log service that does not read is not written to without end', async () => {
  const { port } = await startCollector(false);
  const slow = await plane(port, serviceLog('0.02s'));
  await call(slow, 400);
  await slow.ended(400);
  assert.ok(count(slow, DROPPED) > 0, 'nothing was dropped');
});

test('a log service that comes back gets a new stream, which names the log again', async () => {
  const collector = await startCollector();
  const back = await plane(collector.port, serviceLog('0.02s'));
  await call(back, 1);
  await until('the first entry', () => (collector.streams[0]?.length ?? 0) > 0 || undefined);
  collector.hangUp();
  await until('a second stream', async () => {
    await call(back, 1);
    return (collector.streams[1]?.length ?? 0) > 0 || undefined;
  });
  for (const [first] of collector.streams) assert.equal((first as { identifier?: { log_name?: string } }).identifier?.log_name, 'test');
});

test('spans for a collector that is away are dropped and counted', async () => {
  const provider = {
    name: 'envoy.tracers.zipkin',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.config.trace.v3.ZipkinConfig',
      collector_cluster: 'collector',
      collector_endpoint: '/api/v2/spans',
      collector_endpoint_version: 'HTTP_JSON',
    },
  };
  const away = await plane(await closedPort(), { tracing: { random_sampling: { value: 100 }, provider } }, {});
  await call(away, 20);
  await until('the spans are given up', () => count(away, 'tracing.zipkin.spans_dropped') === 20 || undefined);
  assert.equal(count(away, 'tracing.zipkin.spans_sent'), 0);
});

test('entries tell the metadata that filters write, and nothing of what the proxy keeps for itself', async () => {
  const collector = await startCollector();
  const state = { object_key: 'envoy.string', format_string: { text_format_source: { inline_string: 'own' } } };
  const http_filters = [
    { name: 'state', typed_config: any('filters.http.set_filter_state.v3.Config', { on_request_headers: [state] }) },
    {
      name: 'metadata',
      typed_config: any('filters.http.set_metadata.v3.Config', { metadata: [{ metadata_namespace: 'seen', value: { a: 'b' } }] }),
    },
    ROUTER,
  ];
  await call(await plane(collector.port, { ...serviceLog('0.05s'), http_filters }), 1);
  const message = await until('an entry', () => collector.streams.flat()[0]);
  const { http_logs } = message as { http_logs: { log_entry: { common_properties: { metadata: { filter_metadata: object } } }[] } };
  assert.deepEqual(Object.keys(http_logs.log_entry[0]?.common_properties.metadata.filter_metadata ?? {}), ['seen']);
});
