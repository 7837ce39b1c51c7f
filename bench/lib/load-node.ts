// A closed-loop load generator where wrk is missing: `load-node.ts PORT SECONDS CONNECTIONS PATH`. One request at a time on each.
import { connect } from 'node:net';

const [port = '', seconds = '', connections = '64', path = '/bench'] = process.argv.slice(2);
const request = Buffer.from(
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load/1\r\nAccept: application/json, text/plain, */*\r\nContent-Type: application/json\r\nCookie: session=0123456789abcdef0123456789abcdef\r\nX-Tenant: acme\r\n\r\n`,
);
let requests = 0;
let bad = 0;
const started = performance.now();
const end = started + Number(seconds) * 1000;

for (let i = 0; i < Number(connections); i++) {
  let got = 0;
  let need = -1;
  const socket = connect({ host: '127.0.0.1', port: Number(port), noDelay: true }, () => socket.write(request));
  socket.on('error', () => bad++);
  socket.on('data', (bytes: Buffer) => {
    if (need < 0) {
      const head = bytes.toString('latin1');
      const stop = head.indexOf('\r\n\r\n');
      if (!head.startsWith('HTTP/1.1 200')) bad++;
      need = stop + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    }
    got += bytes.length;
    if (got < need) return;
    got = 0;
    need = -1;
    requests++;
    if (performance.now() < end) socket.write(request);
    else socket.destroy();
  });
}
process.on('exit', () =>
  console.log(JSON.stringify({ requests, seconds: (performance.now() - started) / 1000, errors: bad === 0 ? '' : `${bad} errors` })),
);
