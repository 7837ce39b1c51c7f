/** TCP that leaves through a gateway goes on in a tunnel of another proxy, which is asked for it by CONNECT (DestinationRule `tunnel`); on both data planes. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { startControlPlaneProcess } from '../testkit/control-plane.ts';
import { eventually } from '../testkit/load.ts';
import { startWorkload } from '../testkit/workload.ts';

/** A forward proxy that leads every tunnel to itself: it sends back what comes, behind the name that was asked for. */
async function startForwardProxy(): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer().on('connect', ({ method, url }, socket: Socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n\r\n${method} ${url}: `);
    socket.pipe(socket);
  });
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

const configuration = (port: number): string => `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: out, namespace: edge }
spec:
  selector: { istio: out }
  servers: [{ port: { number: 9000, name: tcp, protocol: TCP }, hosts: ['*'] }]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: forward, namespace: edge }
spec:
  hosts: [forward.example]
  resolution: STATIC
  ports: [{ number: 3128, name: tcp, protocol: TCP }]
  endpoints: [{ address: 127.0.0.1, ports: { tcp: ${port} } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: out, namespace: edge }
spec:
  hosts: ['*']
  gateways: [out]
  tcp: [{ route: [{ destination: { host: forward.example } }] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: forward, namespace: edge }
spec: { host: forward.example, trafficPolicy: { tunnel: { protocol: CONNECT, targetHost: far.example, targetPort: 443 } } }
`;

/** What comes back for a few words. */
function talk(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, host, () => socket.write('a few words'));
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      // Envoy gives a tunnel up when the client ends its half.
      if (text.endsWith('words')) socket.destroy();
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
}

for (const dataPlane of ['embedded', 'envoy'] as const) {
  const skip = dataPlane === 'envoy' && findEnvoy() === undefined ? NO_ENVOY : false;
  test(`${dataPlane}: a gateway asks another proxy for a tunnel`, { skip }, async () => {
    const forward = await startForwardProxy();
    try {
      await using mesh = await startControlPlaneProcess();
      await using gateway = await startWorkload(mesh, ['proxy', 'router', '--labels', 'istio=out', '-n', 'edge', '--data-plane', dataPlane]);
      const applied = await mesh.cli(['apply', '-f', '-', '--wait'], configuration(forward.port));
      assert.equal(applied.code, 0, applied.stderr);
      const said = await eventually('the tunnel stands', 20_000, async () => (await talk(gateway.address, 9000)) || undefined);
      assert.equal(said, 'CONNECT far.example:443: a few words');
    } finally {
      forward.close();
    }
  });
}
