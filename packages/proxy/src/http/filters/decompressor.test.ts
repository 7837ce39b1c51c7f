import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { cluster, hcm, plainListener, routeTo } from '../../testing/build.ts';
import { startPlane } from '../../testing/plane.ts';

const ROUTER = { name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } };
const DECOMPRESSOR = {
  name: 'decompressor',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.decompressor.v3.Decompressor',
    decompressor_library: {
      name: 'gzip',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.decompressor.v3.Gzip', max_inflate_ratio: 100 },
    },
  },
};
const BOMB = gzipSync(Buffer.alloc(50 * 1024 * 1024));

/** The status and the length of what came; `whole`: it came to its end. */
function ask(port: number, body?: Buffer): Promise<{ readonly status: number; readonly length: number; readonly whole: boolean }> {
  return new Promise((resolve) => {
    const headers = body === undefined ? {} : { 'content-encoding': 'gzip', 'content-length': String(body.length) };
    const request = http.request({ port, host: '127.0.0.1', method: body === undefined ? 'GET' : 'POST', headers }, (response) => {
      let length = 0;
      const done = (): void => resolve({ status: response.statusCode ?? 0, length, whole: response.complete });
      response.on('data', (bytes: Buffer) => (length += bytes.length));
      response.on('error', done).on('end', done);
    });
    request.on('error', () => resolve({ status: 0, length: 0, whole: false }));
    request.end(body);
  });
}

test('a small body that would become a very large one is given up, of requests and of responses', async () => {
  let got = 0;
  const server = http.createServer((request, response) => {
    request.on('data', (bytes: Buffer) => (got += bytes.length));
    request.on('error', () => {});
    if (request.method === 'GET') response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB);
    else request.on('end', () => response.end('taken'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await using plane = await startPlane({
      clusters: [cluster('c', [port])],
      listeners: [plainListener('l', hcm([routeTo('c')], { http_filters: [DECOMPRESSOR, ROUTER] }))],
    });
    const answer = await ask(plane.port('l'));
    assert.equal(answer.whole, false);
    assert.ok(answer.length < 20 * 1024 * 1024, `${answer.length} bytes came`);
    assert.notEqual((await ask(plane.port('l'), BOMB)).status, 200);
    assert.ok(got < 20 * 1024 * 1024, `${got} bytes came`);
    assert.notEqual((await ask(plane.port('l'), Buffer.from('no gzip at all'))).status, 200);
    const fine = await ask(plane.port('l'), gzipSync(Buffer.alloc(900_000)));
    assert.equal(fine.status, 200);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
