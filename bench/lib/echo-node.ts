// A backend of streams: `echo-node.ts PLAIN_PORT TLS_PORT CERT KEY ROOT`. HTTP/2 on both ports; what comes on a stream goes back on it, trailers follow.
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2';

const [plain = '', tls = '', cert = '', key = '', root = ''] = process.argv.slice(2);

function echo(stream: ServerHttp2Stream): void {
  stream.on('error', () => {});
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.pipe(stream);
}

createServer().on('stream', echo).listen(Number(plain), '127.0.0.1');
createSecureServer({
  cert: readFileSync(cert),
  key: readFileSync(key),
  ca: readFileSync(root),
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.3',
})
  .on('stream', echo)
  .listen(Number(tls), '127.0.0.1');
