/** Run as a program: a proxy for tests. It takes its certificate over SDS, serves TLS with it and tells on /seen what it was given. */
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:tls';
import { ProtoReader } from '@meltemi/base';
import { createChannel } from '@meltemi/grpc';
import { TYPE_URL } from '@meltemi/protos-types';
import { createDeltaClient, decodeDeltaResponse, encodeDeltaRequest, type Resource } from '@meltemi/xds';

const options = JSON.parse(process.env['MELTEMI_PROXY_OPTIONS'] ?? '{}') as {
  agentSocket: string;
  address: string;
  adminAddress: string;
  adminPort: number;
  metricsPort: number;
  node: { id: string };
};
const client = createDeltaClient({ node: new Uint8Array() });
client.subscribe(TYPE_URL.cluster, ['*']);
client.subscribe(TYPE_URL.secret, ['default', 'ROOTCA']);
const channel = createChannel({ target: { socketPath: options.agentSocket }, keepaliveMs: 0 });
const clusters = new Set<string>();
let answered = false;
let secrets = 0;
const tls = createTlsServer({ requestCert: true }, (socket) => socket.end('hello\n'));
tls.on('tlsClientError', () => undefined);

/** PEM of the n-th nested message of a Secret. */
function pem(resource: Resource, path: readonly number[]): string {
  let reader = new ProtoReader(resource.bytes);
  for (const [depth, field] of path.entries()) {
    for (let tag = reader.tag(); tag !== 0 && tag >>> 3 !== field; tag = reader.tag()) reader.skip(tag);
    if (depth < path.length - 1) reader = reader.message();
  }
  return reader.string();
}

const known = new Map<string, Resource>();
const call = channel.stream('/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources', {
  onMessage(message) {
    const update = client.receive(decodeDeltaResponse(message));
    for (const resource of update.added) known.set(`${update.typeUrl} ${resource.name}`, resource);
    if (update.typeUrl === TYPE_URL.cluster) {
      answered = true;
      for (const { name } of update.added) if (name !== 'bad') clusters.add(name);
      for (const name of update.removed) clusters.delete(name);
    }
    const bad = update.added.filter(({ name }) => name === 'bad');
    client.settle(
      update,
      bad.map(({ name }) => ({ name, message: `cluster ${name} is bad` })),
    );
    const [own, root] = [known.get(`${TYPE_URL.secret} default`), known.get(`${TYPE_URL.secret} ROOTCA`)];
    if (update.typeUrl === TYPE_URL.secret && own !== undefined && root !== undefined) {
      secrets++;
      tls.setSecureContext({ cert: pem(own, [2, 1, 3]), key: pem(own, [2, 2, 3]), ca: pem(root, [4, 1, 3]) });
    }
    flush();
  },
  onEnd: () => process.exit(3),
});
function flush(): void {
  for (const request of client.takeRequests()) call.write(encodeDeltaRequest(request));
}
client.connected();
flush();

tls.listen(0, options.address);
createHttpServer((request, response) => {
  if (request.url === '/ready') response.writeHead(answered && secrets > 0 ? 200 : 503).end();
  else if (request.url === '/stats/prometheus') response.writeHead(200, { 'content-type': 'text/plain' }).end('proxy_metric 1\n');
  else
    response.end(
      JSON.stringify({
        pid: process.pid,
        clusters: [...clusters].sort(),
        secrets,
        tlsPort: (tls.address() as { port: number }).port,
        node: options.node.id,
      }),
    );
}).listen(options.adminPort, options.adminAddress);
createHttpServer((_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('proxy_metric 1\n')).listen(
  options.metricsPort,
  options.address,
);
process.stdin.resume().on('end', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
