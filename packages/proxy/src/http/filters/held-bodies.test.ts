import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { any, cluster, FAULT, faultOf, hcm, plainListener, ROUTER, routeTo } from '../../testing/build.ts';
import { rawClient, startPlane, startRawServer } from '../../testing/plane.ts';

const BODY = 'x'.repeat(200_000);
const BUFFER = { name: 'envoy.filters.http.buffer', typed_config: any('filters.http.buffer.v3.Buffer', { max_request_bytes: 1_000_000 }) };
const DELAYED = faultOf({ delay: { fixed_delay: '0.05s', percentage: { numerator: 100 } } });

/** Answers once so many bytes have come. */
function answerAfter(bytes: number): (socket: Socket) => void {
  return (socket) => {
    let left = bytes;
    socket.on('data', (piece: Buffer) => {
      left -= piece.length;
      if (left <= 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  };
}

test('a body that comes while one filter waits is read on for the next one, which wants it whole', { timeout: 10_000 }, async () => {
  await using app = await startRawServer(answerAfter(BODY.length));
  await using plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [plainListener('http', hcm([{ ...routeTo('app'), typed_per_filter_config: DELAYED }], { http_filters: [FAULT, BUFFER, ROUTER] }))],
  });
  const client = await rawClient(plane.port('http'));
  client.socket.write(`POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\nexpect: 100-continue\r\n\r\n${BODY}`);
  assert.match(await client.closed, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*ok$/);
  assert.ok(app.received().endsWith(BODY));
  assert.doesNotMatch(app.received(), /\r\nexpect:/, 'what the client waited for has been said');
});

test('a head that grows beyond what can be read ends the request before the client is told to go on, and logs tell what was asked', async () => {
  await using app = await startRawServer(answerAfter(1));
  const mutate = {
    name: 'envoy.filters.http.header_mutation',
    typed_config: any('filters.http.header_mutation.v3.HeaderMutation', {
      mutations: {
        query_parameter_mutations: [{ append: { record: { key: 'k', value: 'v' }, action: 'OVERWRITE_IF_EXISTS_OR_ADD' } }],
        request_mutations: Array.from({ length: 10 }, (_, at) => ({ append: { header: { key: `y-${at}`, value: '1' } } })),
      },
    }),
  };
  const large = { common_http_protocol_options: { max_headers_count: 254 } };
  await using plane = await startPlane({
    clusters: [cluster('app', [app.port])],
    listeners: [BUFFER, mutate].map((filter, at) => plainListener(`http${at}`, hcm([routeTo('app')], { http_filters: [filter, ROUTER], ...large }))),
  });
  const lines = (count: number): string => Array.from({ length: count }, (_, at) => `x-${at}: 1\r\n`).join('');
  for (const [at, count] of [247, 240].entries()) {
    const client = await rawClient(plane.port(`http${at}`));
    client.socket.write(`POST /asked HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n${lines(count)}\r\n`);
    assert.match(await client.closed, /^HTTP\/1\.1 500 /);
    const { path, method, authority } = await plane.ended(at + 1);
    assert.deepEqual([path, method, authority], ['/asked', 'POST', 'a']);
  }
  assert.equal(app.received(), '');
});
