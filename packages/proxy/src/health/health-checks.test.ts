import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { cluster, hcm, plainListener, routeTo } from '../testing/build.ts';
import { createHarness, until } from '../testing/harness.ts';
import { startPlane } from '../testing/plane.ts';

const CHECK = { timeout: '1s', interval: '0.02s', no_traffic_interval: '0.02s', unhealthy_threshold: 2, healthy_threshold: 2 };

/** A server whose health a test switches; counts the checks. */
async function startBackend(name: string) {
  const backend = { name, status: 200, headers: {} as Record<string, string>, checks: 0, hosts: new Set<string>(), port: 0, close: async () => {} };
  const server = http.createServer((request, response) => {
    if (request.url === '/healthz') {
      backend.checks++;
      backend.hosts.add(request.headers.host ?? '');
      response.writeHead(backend.status, backend.headers).end();
    } else response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backend.port = (server.address() as AddressInfo).port;
  backend.close = () => new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections()));
  return backend;
}

test('a host takes part when it passes its checks, from the first request on', async () => {
  await using harness = createHarness();
  const [good, bad] = [await startBackend('good'), await startBackend('bad')];
  harness.closers.push(good.close, bad.close);
  bad.status = 503;
  const checked = cluster('c', [good.port, bad.port], {
    health_checks: [{ ...CHECK, http_health_check: { path: '/healthz', host: 'check.local' } }],
    common_lb_config: { healthy_panic_threshold: {} },
  });
  await using plane = await startPlane({ clusters: [checked], listeners: [plainListener('l', hcm([routeTo('c')]))] });
  const answers = async (): Promise<Set<string>> => {
    const seen = new Set<string>();
    for (let at = 0; at < 6; at++) seen.add((await harness.call(plane.port('l'))).body);
    return seen;
  };
  assert.deepEqual(await answers(), new Set(['good']), 'the first checks were made before the listener was open');
  bad.status = 200;
  await until('the bad one is back', async () => ((await answers()).size === 2 ? true : undefined));
  assert.deepEqual(bad.hosts, new Set(['check.local']));
  good.status = 500;
  await until('the other one has gone', async () => ((await answers()).has('good') ? undefined : true));
});

test('a host expels itself; degraded ones are a reserve; one that left stays while it is healthy', async () => {
  await using harness = createHarness();
  const [one, two] = [await startBackend('one'), await startBackend('two')];
  harness.closers.push(one.close, two.close);
  const config = (ports: readonly number[]): object =>
    cluster('c', ports, {
      health_checks: [{ ...CHECK, http_health_check: { path: '/healthz' } }],
      common_lb_config: { healthy_panic_threshold: {} },
    });
  await using plane = await startPlane({ clusters: [config([one.port, two.port])], listeners: [plainListener('l', hcm([routeTo('c')]))] });
  one.headers = { 'x-envoy-degraded': 'true' };
  const flags = (port: number): string | undefined => plane.state.cluster('c')?.find(`127.0.0.1:${port}`)?.activeHealth;
  await until('degraded', () => flags(one.port) === 'degraded' || undefined);
  await plane.apply({ clusters: [config([two.port])] });
  assert.equal(plane.state.cluster('c')?.find(`127.0.0.1:${one.port}`)?.leaving, true);
  one.status = 500;
  await until('it has left', () => plane.state.cluster('c')?.hosts().length === 1 || undefined);
  assert.ok(two.checks > 0);
});

test('TCP checks send and expect bytes', async () => {
  await using harness = createHarness();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes.toString() === 'PING' ? 'hello +PONG bye' : 'what?'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  harness.closers.push(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const hex = (text: string): object => ({ text: Buffer.from(text).toString('hex') });
  const config = (expected: string): object =>
    cluster('c', [port], {
      health_checks: [
        { ...CHECK, unhealthy_threshold: 1, timeout: '0.1s', tcp_health_check: { send: hex('PING'), receive: [hex('+PO'), hex(expected)] } },
      ],
    });
  await using plane = await startPlane({ clusters: [config('NG')], listeners: [plainListener('l', hcm([routeTo('c')]))] });
  assert.equal(plane.state.cluster('c')?.hosts()[0]?.activeHealth, 'healthy');
  await plane.apply({ clusters: [config('XX')] });
  await until('the answer is not what is expected', () => plane.state.cluster('c')?.hosts()[0]?.activeHealth === 'unhealthy' || undefined);
});

/** A gRPC health service, whose word a test switches. */
async function startGrpc() {
  const backend = { status: 1, asked: [] as string[], port: 0, close: async () => {} };
  const server = http2.createServer();
  server.on('stream', (stream, headers) => {
    const body: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => void body.push(bytes));
    stream.on('end', () => {
      backend.asked.push(`${headers[':authority']} ${headers[':path']} ${Buffer.concat(body).subarray(7).toString()}`);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, backend.status]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backend.port = (server.address() as AddressInfo).port;
  backend.close = () => new Promise((resolve) => void server.close(() => resolve()));
  return backend;
}

test('gRPC checks ask the health service, over one connection', async () => {
  await using harness = createHarness();
  const backend = await startGrpc();
  const config = cluster('c', [backend.port], {
    health_checks: [{ ...CHECK, unhealthy_threshold: 1, grpc_health_check: { service_name: 'shop', authority: 'shop.local' } }],
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  });
  harness.closers.push(backend.close);
  await using plane = await startPlane({ clusters: [config], listeners: [plainListener('l', hcm([routeTo('c')]))] });
  const health = (): string | undefined => plane.state.cluster('c')?.hosts()[0]?.activeHealth;
  assert.equal(health(), 'healthy');
  assert.equal(backend.asked[0], 'shop.local /grpc.health.v1.Health/Check shop');
  backend.status = 2;
  await until('it does not serve', () => health() === 'unhealthy' || undefined);
  backend.status = 1;
  await until('it serves again', () => health() === 'healthy' || undefined);
});

test('HTTP/2 checks', async () => {
  await using harness = createHarness();
  const server = http2.createServer((request, response) => void response.writeHead(request.url === '/ok' ? 200 : 404).end('fine'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = (path: string, more: object = {}): object =>
    cluster('c', [port], { health_checks: [{ ...CHECK, unhealthy_threshold: 1, ...more, http_health_check: { path, codec_client_type: 'HTTP2' } }] });
  await using plane = await startPlane({ clusters: [config('/ok')], listeners: [plainListener('l', hcm([routeTo('c')]))] });
  harness.closers.push(() => new Promise((resolve) => void server.close(() => resolve(undefined))));
  const health = (): string | undefined => plane.state.cluster('c')?.hosts()[0]?.activeHealth;
  assert.equal(health(), 'healthy');
  await plane.apply({ clusters: [config('/missing', { reuse_connection: false })] });
  await until('the answer is not the one that is wanted', () => health() === 'unhealthy' || undefined);
});

test('what checks change is written to the event log, in the form of Envoy', async () => {
  await using harness = createHarness();
  const backend = await startBackend('one');
  harness.closers.push(backend.close);
  const path = 'events.log';
  const sink = { '@type': 'type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink', event_log_path: path };
  const checked = cluster('c', [backend.port], {
    health_checks: [
      {
        ...CHECK,
        http_health_check: { path: '/healthz' },
        always_log_health_check_failures: true,
        event_logger: [{ name: 'file', typed_config: sink }],
      },
    ],
  });
  await using plane = await startPlane({ clusters: [checked], listeners: [plainListener('l', hcm([routeTo('c')], { access_log: [] }))] });
  const events = (): readonly Record<string, unknown>[] =>
    plane
      .log()
      .split('\n')
      .filter((line) => line.includes('health_checker_type'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const withField =
    (field: string): (() => Record<string, unknown> | undefined) =>
    () =>
      events().find((event) => field in event);
  const first = await until('the first event', withField('add_healthy_event'));
  assert.deepEqual(first['add_healthy_event'], { first_check: true });
  assert.equal(first['health_checker_type'], 'HTTP');
  assert.equal(first['cluster_name'], 'c');
  assert.deepEqual((first['host'] as { socket_address: object }).socket_address, {
    protocol: 'TCP',
    address: '127.0.0.1',
    port_value: backend.port,
    resolver_name: '',
    ipv4_compat: false,
  });
  backend.headers = { 'x-envoy-degraded': '' };
  await until('degraded', withField('degraded_healthy_host'));
  backend.headers = {};
  await until('no longer', withField('no_longer_degraded_host'));
  backend.status = 503;
  const ejected = await until('the end', withField('eject_unhealthy_event'));
  assert.deepEqual(ejected['eject_unhealthy_event'], { failure_type: 'ACTIVE', http_status_code: 503 });
  const failed = await until('a failure', withField('health_check_failure_event'));
  assert.deepEqual(failed['health_check_failure_event'], { failure_type: 'ACTIVE', first_check: false, http_status_code: 503 });
  backend.status = 200;
  await until('back', () => (events().filter((event) => 'add_healthy_event' in event).length === 2 ? true : undefined));
});
