import { connect, type Socket } from 'node:net';
import type { Case, Field } from './field.ts';
import type { Report } from './report.ts';

const CONNECTIONS = 4000;
/** Opened at a time. */
const BATCH = 200;
const REQUEST = 'GET /bench HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';

/** Resident memory per connection that has had one request and is idle. */
export async function idleConnections(field: Field, cases: readonly Case[], report: Report): Promise<void> {
  report.line(
    `\nMemory of ${CONNECTIONS} more connections that have had one request each and are idle:\n\n| proxy | MB before | MB with them | kB each |\n|---|---|---|---|`,
  );
  for (const { name, process, ports } of field.list) {
    const port = ports[cases[0]?.name ?? ''];
    if (port === undefined) continue;
    const before = process.residentMb();
    const sockets: Socket[] = [];
    while (sockets.length < CONNECTIONS) sockets.push(...(await Promise.all(Array.from({ length: BATCH }, () => open(port)))));
    const after = process.residentMb();
    for (const socket of sockets) socket.destroy();
    report.line(`| ${name} | ${before.toFixed(0)} | ${after.toFixed(0)} | ${(((after - before) * 1024) / CONNECTIONS).toFixed(1)} |`);
  }
}

/** Resolves when the answer has begun. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(REQUEST));
    socket.once('error', reject).once('data', () => resolve(socket));
  });
}
