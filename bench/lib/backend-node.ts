// A backend where nginx is missing: `backend-node.ts PLAIN_PORT TLS_PORT CERT KEY ROOT`. Answers each request head with 1 KiB, for `/large` with 1 MiB.
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

const [plain = '', tls = '', cert = '', key = '', root = ''] = process.argv.slice(2);
const answer = (bytes: number): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`);
const small = answer(1024);
const large = answer(1 << 20);

function serve(socket: Socket): void {
  let held = '';
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    held += bytes.toString('latin1');
    for (;;) {
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: *(\d+)/i.exec(held.slice(0, end))?.[1] ?? 0);
      if (held.length < end + 4 + length) return;
      const isLarge = held.startsWith('GET /large');
      held = held.slice(end + 4 + length);
      socket.write(isLarge ? large : small);
    }
  });
}

createServer(serve).listen(Number(plain), '127.0.0.1');
createTlsServer(
  { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(root), requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
  serve,
).listen(Number(tls), '127.0.0.1');
