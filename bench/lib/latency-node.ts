// An open-loop client: `latency-node.ts PORT RATE SECONDS`. Requests have fixed times; a late answer does not hold later ones back, and
// each is measured from the time at which it should have gone out. It spins between two requests: timers are too coarse.
import { connect, type Socket } from 'node:net';

const [portText = '', rateText = '', secondsText = ''] = process.argv.slice(2);
const CONNECTIONS = 16;
const body = 'y'.repeat(1024);
const request = Buffer.from(
  `POST /bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: lat/1\r\nAccept: application/json, text/plain, */*\r\nContent-Type: application/json\r\nCookie: session=0123456789abcdef0123456789abcdef\r\nX-Tenant: acme\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);

interface Client {
  readonly socket: Socket;
  due: number;
  got: number;
  need: number;
}

const idle: Client[] = [];
const latencies: number[] = [];
let errors = 0;

function open(): Promise<void> {
  return new Promise((resolve) => {
    const client: Client = {
      socket: connect({ host: '127.0.0.1', port: Number(portText), noDelay: true }, () => resolve()),
      due: 0,
      got: 0,
      need: -1,
    };
    client.socket.on('error', () => errors++);
    client.socket.on('data', (bytes: Buffer) => answer(client, bytes));
    idle.push(client);
  });
}

function answer(client: Client, bytes: Buffer): void {
  if (client.need < 0) {
    const head = bytes.toString('latin1');
    if (!head.startsWith('HTTP/1.1 200')) errors++;
    client.need = head.indexOf('\r\n\r\n') + 4 + Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  }
  client.got += bytes.length;
  if (client.got < client.need) return;
  client.got = 0;
  client.need = -1;
  latencies.push((performance.now() - client.due) * 1000);
  idle.unshift(client);
}

await Promise.all(Array.from({ length: CONNECTIONS }, open));
const gapMs = 1000 / Number(rateText);
const total = Number(rateText) * Number(secondsText);
const warm = Math.min(500, Math.floor(total / 4));
const started = performance.now() + 20;
let sent = 0;
function spin(): void {
  const now = performance.now();
  while (sent < total && now >= started + sent * gapMs) {
    const client = idle.pop();
    if (client === undefined) break;
    client.due = started + sent * gapMs;
    sent++;
    client.socket.write(request);
  }
  if (latencies.length >= total || now > started + total * gapMs + 3000) finish();
  else setImmediate(spin);
}
spin();

function finish(): void {
  const sorted = latencies.slice(warm).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  console.log(JSON.stringify({ p50: at(0.5), p90: at(0.9), p99: at(0.99), errors: errors + total - latencies.length }));
  process.exit(0);
}
