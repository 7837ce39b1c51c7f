import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { rawCall, rawClient, startRawServer } from '../testing/plane.ts';
import { assignment, edsCluster, httpListener, routesTo, tcpListener } from '../testing/resources.ts';

const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function samples(body: string, name: string): Sample[] {
  return body
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => ({
      labels: Object.fromEntries([...line.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
      value: Number(line.slice(line.lastIndexOf(' ') + 1)),
    }));
}

test('standard metrics of HTTP and TCP: values, flags and labels of the destination', { timeout: 30_000 }, async (t) => {
  const app = await startRawServer((socket) => {
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString();
      if (!text.includes('HTTP/1.1')) socket.write(`echo ${text}`);
      else if (text.includes('/bad')) socket.write('HTTP/1.1 500 X\r\ncontent-length: 3\r\n\r\nbad');
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello');
    });
    socket.on('end', () => socket.end());
  });
  harness.closers.push(() => app[Symbol.asyncDispose]());
  const gone = await startRawServer(() => {});
  await gone[Symbol.asyncDispose]();
  const agent = await startFakeAgent();
  harness.closers.push(() => agent[Symbol.asyncDispose]());
  agent.push({
    [TYPE_URL.cluster]: { http: edsCluster('http'), tcp: edsCluster('tcp'), down: edsCluster('down') },
    [TYPE_URL.endpoint]: {
      http: assignment('http', [app.port], 'reviews-v1;bookinfo;reviews;v1;meltemi'),
      tcp: assignment('tcp', [app.port], 'postgresdb-v1;bookinfo;postgresdb;v1;meltemi'),
      down: assignment('down', [gone.port], 'reviews-v2;bookinfo;reviews;v2;meltemi'),
    },
    [TYPE_URL.listener]: {
      http: httpListener('http', 0, 'http'),
      down: httpListener('down', 0, 'down'),
      tcp: tcpListener('tcp', 0, 'tcp'),
    },
    [TYPE_URL.route]: { http: routesTo('http', 'http'), down: routesTo('down', 'down') },
  });
  const proxy = await harness.run(agent, nodeOf('productpage-v1', 'productpage', 'v1'));
  const [http, down, tcp] = [await harness.portOf(proxy, 'http'), await harness.portOf(proxy, 'down'), await harness.portOf(proxy, 'tcp')];
  const scrape = async (): Promise<string> => (await harness.call(proxy.metricsPort, '/stats/prometheus')).body;

  await t.test('HTTP', async () => {
    const send = (port: number, path: string): Promise<string> =>
      rawCall(port, `GET ${path} HTTP/1.1\r\nHost: reviews:9080\r\nConnection: close\r\n\r\n`);
    for (let at = 0; at < 3; at++) await send(http, '/');
    await send(http, '/bad');
    await send(down, '/');
    const found = await until('five requests', async () => {
      const all = samples(await scrape(), 'istio_requests_total');
      return all.reduce((sum, { value }) => sum + value, 0) === 5 ? all : undefined;
    });
    const short = found.map(({ labels, value }) => [
      labels['destination_workload'],
      labels['response_code'],
      labels['response_flags'],
      labels['request_protocol'],
      value,
    ]);
    assert.deepEqual(
      short.toSorted((a, b) => String(a).localeCompare(String(b))),
      [
        ['reviews-v1', '200', '-', 'http', 3],
        ['reviews-v1', '500', '-', 'http', 1],
        ['reviews-v2', '503', 'UF', 'http', 1],
      ],
    );
    const body = await scrape();
    const sizes = samples(body, 'istio_response_bytes_sum').filter(({ labels }) => labels['response_code'] === '200');
    const counts = samples(body, 'istio_request_duration_milliseconds_count').filter(({ labels }) => labels['response_code'] === '200');
    assert.equal(counts[0]?.value, 3);
    assert.ok((sizes[0]?.value ?? 0) >= 15);
  });

  await t.test('TCP: opened at once, bytes while it runs, closed at its end', async () => {
    const client = await rawClient(tcp);
    client.socket.write('four');
    await client.sees('echo four');
    const one = (name: string, value: number): Promise<Sample> =>
      until(`${name} ${value}`, async () => samples(await scrape(), name).find((sample) => sample.value === value));
    const opened = await one('istio_tcp_connections_opened_total', 1);
    assert.equal(opened.labels['destination_workload'], 'postgresdb-v1');
    assert.equal(opened.labels['request_protocol'], 'tcp');
    assert.deepEqual(samples(await scrape(), 'istio_tcp_connections_closed_total'), []);
    await one('istio_tcp_received_bytes_total', 4);
    await one('istio_tcp_sent_bytes_total', 9);
    client.socket.end();
    await client.closed;
    const closed = await one('istio_tcp_connections_closed_total', 1);
    assert.deepEqual(closed.labels, opened.labels);
    assert.equal((await one('istio_tcp_sent_bytes_total', 9)).labels['source_workload'], 'productpage-v1');
  });
});
