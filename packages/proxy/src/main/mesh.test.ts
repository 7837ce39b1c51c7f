import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { TYPE_URL } from '@meltemi/protos-types';
import { startFakeAgent } from '../testing/fake-agent.ts';
import { createHarness, nodeOf, until } from '../testing/harness.ts';
import { createTestAuthority } from '../testing/identities.ts';
import { edsCluster, httpListener, meshAssignment, meshTransports, permissiveInbound, routesTo, staticCluster } from '../testing/resources.ts';

const harness = createHarness();
after(() => harness[Symbol.asyncDispose]());

const CLIENT_ADDRESS = '127.0.0.2';
const PRODUCTPAGE = 'spiffe://cluster.local/ns/bookinfo/sa/bookinfo-productpage';
const REVIEWS = 'spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews';

test('two sidecars: mutual TLS, identities, labels of both ends, spans, rotation', { timeout: 30_000 }, async (t) => {
  const authority = await createTestAuthority();
  const [productpage, reviews] = [await authority.identity('bookinfo-productpage'), await authority.identity('bookinfo-reviews')];
  const app = await harness.upstream((request) => JSON.stringify({ ...request.headers, xfcc: request.headers['x-forwarded-client-cert'] }));

  const server = await startFakeAgent();
  harness.closers.push(() => server[Symbol.asyncDispose]());
  const workload = {
    name: 'productpage-v1',
    namespace: 'bookinfo',
    service_account: 'bookinfo-productpage',
    app: 'productpage',
    version: 'v1',
    canonical_name: 'productpage',
    canonical_revision: 'v1',
    cluster: 'meltemi',
    trust_domain: 'cluster.local',
  };
  server.push({
    [TYPE_URL.cluster]: { 'inbound|9080||': staticCluster('inbound|9080||', app) },
    [TYPE_URL.secret]: { default: reviews.secret, ROOTCA: authority.rootSecret },
    [TYPE_URL.listener]: { virtualInbound: permissiveInbound('virtualInbound', 'inbound|9080||') },
    [TYPE_URL.workload]: { [CLIENT_ADDRESS]: workload },
  });
  const inbound = await harness.run(server, nodeOf('reviews-v1', 'reviews', 'v1'));
  const inboundPort = await harness.portOf(inbound, 'virtualInbound');

  const client = await startFakeAgent();
  harness.closers.push(() => client[Symbol.asyncDispose]());
  const bind = { upstream_bind_config: { source_address: { address: CLIENT_ADDRESS, port_value: 0 } } };
  const outboundTo = (account: string): object => edsCluster('reviews', { ...meshTransports(account), ...bind });
  client.push({
    [TYPE_URL.cluster]: { reviews: outboundTo('bookinfo-reviews') },
    [TYPE_URL.endpoint]: { reviews: meshAssignment('reviews', inboundPort, 'reviews-v1;bookinfo;reviews;v1;meltemi') },
    [TYPE_URL.secret]: { default: productpage.secret, ROOTCA: authority.rootSecret },
    [TYPE_URL.listener]: {
      out: httpListener('out', 0, '9080', { tracing: {} }),
      edge: httpListener('edge', 0, '9080', { tracing: {}, use_remote_address: true }),
    },
    [TYPE_URL.route]: { '9080': routesTo('9080', 'reviews') },
  });
  const outbound = await harness.run(client, nodeOf('productpage-v1', 'productpage', 'v1'));
  const port = await harness.portOf(outbound, 'out');
  const edgePort = await harness.portOf(outbound, 'edge');

  await t.test('the application learns who calls, by certificate', async () => {
    const { status, body } = await harness.call(port, '/reviews/1');
    assert.equal(status, 200, body);
    const { xfcc } = JSON.parse(body) as { xfcc: string };
    assert.match(xfcc, new RegExp(`^By=${REVIEWS};Hash=[0-9a-f]{64};Cert="-----BEGIN%20CERTIFICATE-----%0A[\\w%.-]+";URI=${PRODUCTPAGE}$`));
  });

  await t.test('it learns nothing of what proxies tell each other, nor from whom the client says it is', async () => {
    const forged = { 'x-envoy-decorator-operation': 'forged', 'x-envoy-external-address': '203.0.113.7', 'x-envoy-retry-on': '5xx' };
    const { body } = await harness.call(edgePort, '/reviews/1', forged);
    const seen = Object.entries(JSON.parse(body) as Record<string, string>).filter(([name]) => name.startsWith('x-envoy-'));
    assert.deepEqual(Object.fromEntries(seen), { 'x-envoy-external-address': '127.0.0.1' });
  });

  await t.test('a plain client is served beside it, without identity', async () => {
    const { status, body } = await harness.call(inboundPort);
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { xfcc?: string }).xfcc, undefined);
  });

  await t.test('metrics of both reporters name both ends', async () => {
    const line = async (metricsPort: number, pattern: RegExp): Promise<string> =>
      until(String(pattern), async () => (await harness.call(metricsPort, '/stats/prometheus')).body.split('\n').find((text) => pattern.test(text)));
    const source = await line(outbound.metricsPort, /^istio_requests_total\{reporter="source"/);
    const destination = await line(inbound.metricsPort, /^istio_requests_total\{reporter="destination",source_workload="productpage-v1"/);
    for (const text of [source, destination]) {
      assert.match(text, new RegExp(`source_principal="${PRODUCTPAGE}"`));
      assert.match(text, new RegExp(`destination_principal="${REVIEWS}"`));
      assert.match(text, /source_app="productpage",source_version="v1",.*destination_workload="reviews-v1",.*destination_service_name="reviews"/);
    }
    assert.match(source, /connection_security_policy="unknown"/);
    assert.match(destination, /connection_security_policy="mutual_tls"/);
    await line(inbound.metricsPort, /^istio_requests_total\{reporter="destination",source_workload="unknown".*connection_security_policy="none"/);
  });

  await t.test('spans of both ends make one trace', async () => {
    const parent = await until('a client span', () => client.batches.flatMap((batch) => batch.spans ?? []).find((span) => span.kind === 'CLIENT'));
    const child = await until('the server span', () =>
      server.batches.flatMap((batch) => batch.spans ?? []).find((span) => span.parent_span_id === parent.span_id),
    );
    assert.equal(child.trace_id, parent.trace_id);
    assert.deepEqual([parent.service, child.service, child.name], ['productpage.bookinfo', 'reviews.bookinfo', 'reviews:9080/*']);
  });

  await t.test('certificates rotate under load without a failed request', async () => {
    let running = true;
    const statuses = new Set<number>();
    const load = Array.from({ length: 3 }, async () => {
      while (running) statuses.add((await harness.call(port)).status);
    });
    for (let round = 0; round < 4; round++) {
      const serials = await Promise.all([authority.identity('bookinfo-productpage'), authority.identity('bookinfo-reviews')]);
      client.push({ [TYPE_URL.secret]: { default: serials[0].secret } });
      server.push({ [TYPE_URL.secret]: { default: serials[1].secret } });
      await until(
        'the acknowledgement',
        () => client.verdicts.filter((item) => item.t === 'ack' && item.typeUrl === TYPE_URL.secret).length > round || undefined,
      );
      await harness.call(port);
    }
    running = false;
    await Promise.all(load);
    assert.deepEqual([...statuses], [200]);
    const certs = await harness.call(inbound.adminPort, '/certs');
    assert.match(certs.body, new RegExp(REVIEWS));
  });

  await t.test('a server with another identity is refused', async () => {
    client.push({ [TYPE_URL.cluster]: { reviews: outboundTo('bookinfo-ratings') } });
    const answer = await until('the refusal', async () => {
      const got = await harness.call(port);
      return got.status === 200 ? undefined : got;
    });
    assert.equal(answer.status, 503);
  });

  await t.test('no key is told by the admin endpoint', async () => {
    const { body } = await harness.call(inbound.adminPort, '/config_dump');
    assert.match(body, /W3JlZGFjdGVkXQ==/);
    assert.ok(!body.includes('PRIVATE KEY'));
  });
});
