import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { cluster, faultOf, hcm, plainListener, routeTo } from '../testing/build.ts';
import { until } from '../testing/harness.ts';
import { rawCall, rawClient, startPlane, startRawServer, type Plane } from '../testing/plane.ts';

let received = '';
const app = await startRawServer((socket) => {
  socket.on('data', (bytes: Buffer) => {
    received += bytes.toString('latin1');
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  });
});
const planes: Plane[] = [];
after(async () => {
  for (const plane of planes) await plane[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

async function proxy(more: object): Promise<Plane> {
  const plane = await startPlane({ clusters: [cluster('app', [app.port])], listeners: [plainListener('http', hcm([routeTo('app')], more))] });
  planes.push(plane);
  received = '';
  return plane;
}

const request = (line: string, head = ''): string => `${line} HTTP/1.1\r\nHost: a\r\n${head}\r\n`;
const set = (key: string, value: string): object => ({ header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' });
const lines = (head: string, name: string): string[] => [...head.matchAll(new RegExp(`^${name}: (.*)\\r$`, 'gim'))].map(([, value]) => value ?? '');

test('the configuration can remove and replace what this hop adds; a later level replaces an earlier one', async () => {
  const route = {
    ...routeTo('app', { timeout: '5s' }),
    request_headers_to_add: [set('x-forwarded-proto', 'https'), set('x-level', 'route')],
    request_headers_to_remove: ['x-envoy-expected-rq-timeout-ms'],
    response_headers_to_add: [set('x-level', 'route')],
    response_headers_to_remove: ['x-envoy-upstream-service-time'],
  };
  const host = { name: 'all', domains: ['*'], routes: [route], request_headers_to_add: [set('x-level', 'host')] };
  const plane = await proxy({
    use_remote_address: true,
    route_config: { name: 't', virtual_hosts: [{ ...host, response_headers_to_add: [set('x-level', 'host')] }] },
  });
  const text = await rawCall(plane.port('http'), request('GET /', 'X-Forwarded-Proto: ftp\r\nConnection: close\r\n'));
  assert.deepEqual(
    ['x-forwarded-proto', 'x-level', 'x-envoy-expected-rq-timeout-ms'].map((name) => lines(received, name)),
    [['https'], ['host'], []],
  );
  assert.deepEqual(
    ['x-envoy-upstream-service-time', 'x-level'].map((name) => lines(text, name)),
    [[], ['host']],
  );
});

test('direct responses: headers of the configuration stand once, cannot frame the message, and 204 has no body', async () => {
  const direct = (path: string, status: number, more: object = {}): object => ({
    match: { prefix: path },
    direct_response: { status, body: { inline_string: '{}' } },
    ...more,
  });
  const routes = [
    direct('/json', 200, { response_headers_to_add: [set('content-type', 'application/json'), set('content-length', '99'), set('server', 'x')] }),
    direct('/none', 204),
    direct('/slow', 200, {
      response_headers_to_add: [set('x-said', '%REQ(x-say)%')],
      typed_per_filter_config: faultOf({ delay: { fixed_delay: '0.05s', percentage: { numerator: 100 } } }),
    }),
    {
      match: { prefix: '/' },
      redirect: { path_redirect: '/b' },
      typed_per_filter_config: faultOf({ abort: { http_status: 418, percentage: { numerator: 100 } } }),
    },
  ];
  const plane = await proxy({ route_config: { name: 't', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] } });
  const json = await rawCall(plane.port('http'), request('GET /json', 'Connection: close\r\n'));
  assert.deepEqual(
    ['content-type', 'content-length', 'server'].map((name) => lines(json, name)),
    [['application/json'], ['2'], ['envoy']],
  );
  const none = await rawCall(plane.port('http'), request('GET /none', 'Connection: close\r\n'));
  assert.match(none, /^HTTP\/1\.1 204 [^]*\r\n\r\n$/);
  assert.deepEqual(lines(none, 'content-length'), []);
  // Another request comes while this one waits: its headers are not this one's.
  const begun = performance.now();
  const slow = rawCall(plane.port('http'), request('GET /slow', 'X-Say: mine\r\nConnection: close\r\n'));
  await until('it waits', () => plane.dataPlane.activity.requests === 1);
  await rawCall(plane.port('http'), request('GET /json', 'A: 1\r\nX-Say: other\r\nConnection: close\r\n'));
  assert.deepEqual(lines(await slow, 'x-said'), ['mine']);
  assert.ok(performance.now() - begun >= 49);
  assert.match(await rawCall(plane.port('http'), request('GET /', 'Connection: close\r\n')), /^HTTP\/1\.1 418 /);
});

test('a header that was cut when the request came stays cut while it waits for a connection', async () => {
  const plane = await proxy({ common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' } });
  const sent = 'X_Forwarded_For: forged\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n';
  const client = await rawClient(plane.port('http'));
  client.socket.write(request('GET /', sent));
  await client.sees(/ok$/);
  assert.doesNotMatch(received, /forged|upgrade/i);
  client.socket.destroy();
});
