// Clients with a certificate: `tls-load-node.ts PORT SECONDS DIRECTORY MODE`. 64 connections, one request at a time on each; with MODE `handshakes`
// every request has a connection of its own, and none resumes a session.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createSecureContext } from 'node:tls';

const [port = '', seconds = '', directory = '', mode = ''] = process.argv.slice(2);
const CONNECTIONS = mode === 'handshakes' ? 16 : 64;
const request = Buffer.from('GET /bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load/1\r\nX-Tenant: acme\r\n\r\n');
const file = (name: string): Buffer => readFileSync(join(directory, name));
const secureContext = createSecureContext({ cert: file('client.pem'), key: file('client.key'), ca: file('root.pem') });
let requests = 0;
let bad = 0;
const started = performance.now();
const end = started + Number(seconds) * 1000;

function open(): void {
  let got = 0;
  let need = -1;
  const socket = connect({ port: Number(port), host: '127.0.0.1', secureContext, checkServerIdentity: () => undefined }, () => socket.write(request));
  socket.setNoDelay(true);
  socket.on('error', () => bad++);
  socket.on('data', (bytes: Buffer) => {
    if (need < 0) {
      const head = bytes.toString('latin1');
      if (!head.startsWith('HTTP/1.1 200')) bad++;
      need = head.indexOf('\r\n\r\n') + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    }
    got += bytes.length;
    if (got < need) return;
    got = 0;
    need = -1;
    requests++;
    const over = performance.now() >= end;
    if (!over && mode !== 'handshakes') {
      socket.write(request);
      return;
    }
    socket.destroy();
    if (!over) open();
  });
}

for (let i = 0; i < CONNECTIONS; i++) open();
process.on('exit', () =>
  console.log(JSON.stringify({ requests, seconds: (performance.now() - started) / 1000, errors: bad === 0 ? '' : `${bad} errors` })),
);
