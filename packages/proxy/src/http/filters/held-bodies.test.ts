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
