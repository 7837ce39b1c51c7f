import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { any, cluster, hcm, plainListener, ROUTER, routeTo } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { startPlane } from '../testing/plane.ts';

const TYPE = 'upstreams.http.v3.HttpProtocolOptions';
const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(TYPE, { explicit_http_config: { http2_protocol_options: {} } }),
  },
};
const always = { numerator: 100 };
const SLOW = {
  name: 'envoy.filters.http.fault',
  typed_config: any('filters.http.fault.v3.HTTPFault', { response_rate_limit: { fixed_limit: { limit_kbps: 1 }, percentage: always } }),
};
const GZIP = {
  name: 'envoy.filters.http.compressor',
  typed_config: any('filters.http.compressor.v3.Compressor', {
    compressor_library: { name: 'gzip', typed_config: any('compression.gzip.compressor.v3.Gzip', {}) },
    response_direction_config: { common_config: { min_content_length: 1, content_type: ['application/grpc'] } },
  }),
};

for (const [what, filter] of [
  ['a slow response', SLOW],
  ['a compressed response', GZIP],
] as const)
  test(`trailers that wait behind ${what} are not those of the next stream`, async (t) => {
    let connections = 0;
    const streams: http2.ServerHttp2Stream[] = [];
    const upstream = http2.createServer();
    upstream.on('session', () => connections++);
    upstream.on('stream', (stream, headers) => {
      streams.push(stream);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(headers[':path']).slice(1) }));
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    await using plane = await startPlane({
      clusters: [cluster('app', [port], HTTP2)],
      listeners: [plainListener('http', hcm([routeTo('app')], { http_filters: [filter, ROUTER] }))],
    });
    const client = http2.connect(`http://127.0.0.1:${plane.port('http')}`);
    t.after(() => {
      client.destroy();
      upstream.close();
    });
    const call = async (status: string): Promise<unknown> => {
      const stream = client.request({ ':path': `/${status}`, 'accept-encoding': 'gzip' });
      stream.resume();
      const [trailers] = (await once(stream, 'trailers')) as [http2.IncomingHttpHeaders];
      return trailers['grpc-status'];
    };
    const first = call('1');
    await until('the first', () => streams.length === 1 || undefined);
    const second = call('2');
    await until('both', () => streams.length === 2 || undefined);
    // In one packet, the trailers of one right behind those of the other.
    for (const stream of streams) stream.end('x'.repeat(300));
    assert.deepEqual(await Promise.all([first, second]), ['1', '2']);
    assert.equal(connections, 1);
  });
