import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeYaml } from '@meltemi/api';
import type { Problem } from '@meltemi/base';
import { createAuthorizer, createHttpServer, request, requestStream } from '@meltemi/http';
import { createMemoryStore, type ConfigChange } from '@meltemi/registry';
import { createChangeLog } from './change-log.ts';
import { createConfigApi } from './index.ts';

const BASE = '/apis/networking.istio.io/v1/namespaces/bookinfo/virtualservices';
const clock = { now: () => Date.parse('2025-01-01T01:00:00Z'), monotonic: () => 0 };

function virtualService(name: string, weight: number): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: bookinfo }
spec:
  hosts: [${name}]
  http:
  - route:
    - destination: { host: ${name}, subset: v1 }
      weight: ${weight}
    - destination: { host: ${name}, subset: v2 }
      weight: ${100 - weight}
`;
}

interface Answer {
  readonly status: number;
  readonly result: unknown;
  readonly warning: unknown;
  readonly body: Readonly<Record<string, unknown>>;
}

interface World {
  readonly url: string;
  readonly call: (method: string, path: string, body?: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly apply: (name: string, weight: number, query?: string) => Promise<Answer>;
}

async function withApi(run: (world: World) => Promise<void>, problems: readonly Problem[] = []): Promise<void> {
  const store = createMemoryStore({ clock });
  const seed = decodeYaml('{ apiVersion: v1, kind: Namespace, metadata: { name: bookinfo } }').configs[0];
  if (seed !== undefined) await store.put(seed);
  const api = createConfigApi({ store, clock, version: '0.1.0', problems: () => problems, review: () => problems });
  await using server = createHttpServer({ routes: api.routes, authorize: createAuthorizer({ token: 'token' }) });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  const call: World['call'] = async (method, path, body, headers) => {
    const response = await request({
      url: url + path,
      method,
      headers: { authorization: 'Bearer token', ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: response.status,
      result: response.headers['meltemi-result'],
      warning: response.headers['warning'],
      body: response.json() as Answer['body'],
    };
  };
  const apply: World['apply'] = (name, weight, query = '') =>
    call('PATCH', `${BASE}/${name}?fieldManager=test${query}`, virtualService(name, weight), { 'content-type': 'application/apply-patch+yaml' });
  await run({ url, call, apply });
  api.close();
}

test('discovery names every kind, group and version', async () => {
  await withApi(async ({ call }) => {
    const groups = (await call('GET', '/apis')).body as unknown as { groups: { name: string; preferredVersion: { groupVersion: string } }[] };
    assert.deepEqual(
      groups.groups.map((group) => group.preferredVersion.groupVersion),
      ['networking.istio.io/v1', 'security.istio.io/v1', 'gateway.networking.k8s.io/v1'],
    );
    for (const [path, names] of [
      ['/api/v1', ['namespaces', 'configmaps', 'secrets', 'serviceaccounts', 'services']],
      [
        '/apis/networking.istio.io/v1alpha3',
        [
          'workloadgroups',
          'workloadentries',
          'serviceentries',
          'sidecars',
          'proxyconfigs',
          'gateways',
          'destinationrules',
          'virtualservices',
          'envoyfilters',
        ],
      ],
      ['/apis/security.istio.io/v1', ['peerauthentications', 'requestauthentications']],
    ] as const) {
      const list = (await call('GET', path)).body as unknown as { resources: { name: string }[] };
      assert.deepEqual(
        list.resources.map((resource) => resource.name),
        names,
        path,
      );
    }
  });
});

test('an object is created, configured, unchanged and deleted', async () => {
  await withApi(async ({ call, apply }) => {
    const steps: unknown[] = [];
    for (const weight of [10, 10, 20]) {
      const answer = await apply('reviews', weight);
      steps.push([answer.status, answer.result]);
    }
    assert.deepEqual(steps, [
      [201, 'created'],
      [200, 'unchanged'],
      [200, 'configured'],
    ]);
    const stored = (await call('GET', `${BASE.replace('/v1/', '/v1beta1/')}/reviews`)).body as unknown as {
      apiVersion: string;
      metadata: { generation: number; uid: string };
      spec: { http: { route: { weight: number }[] }[] };
    };
    assert.deepEqual([stored.apiVersion, stored.metadata.generation, stored.spec.http[0]?.route[0]?.weight], ['networking.istio.io/v1beta1', 2, 20]);
    assert.equal((await call('DELETE', `${BASE}/reviews`)).body['status'], 'Success');
    const gone = await call('DELETE', `${BASE}/reviews`);
    assert.deepEqual([gone.status, gone.body['reason'], gone.body['message']], [404, 'NotFound', 'virtualservices "reviews" not found']);
  });
});

test('a dry run answers as if and changes nothing', async () => {
  await withApi(async ({ call, apply }) => {
    assert.deepEqual([(await apply('reviews', 10, '&dryRun=All')).result, (await call('GET', `${BASE}/reviews`)).status], ['created', 404]);
    await apply('reviews', 10);
    assert.equal((await apply('reviews', 10, '&dryRun=All')).result, 'unchanged');
    assert.equal((await apply('reviews', 11, '&dryRun=All')).result, 'configured');
    assert.equal((await call('DELETE', `${BASE}/reviews?dryRun=All`)).status, 200);
    assert.equal((await apply('reviews', 10)).result, 'unchanged');
    assert.equal((await apply('reviews', 10, '&dryRun=Some')).status, 400);
  });
});

test('what is refused is a Status with a cause for each fault', async () => {
  await withApi(async ({ call, apply }) => {
    const yaml = { 'content-type': 'application/apply-patch+yaml' };
    const bad = await call(
      'PATCH',
      `${BASE}/reviews`,
      virtualService('reviews', 10).replace('hosts', 'host').replace('weight: 10', 'weight: x'),
      yaml,
    );
    const causes = (bad.body['details'] as unknown as { causes: { field: string }[] }).causes.map((cause) => cause.field);
    assert.deepEqual([bad.status, bad.body['reason'], causes.toSorted()], [422, 'Invalid', ['spec.host', 'spec.http[0].route[0].weight']]);
    await apply('reviews', 10);
    const refused: readonly (readonly [string, string, string, Record<string, string>, number])[] = [
      ['POST', BASE, virtualService('reviews', 10), {}, 409],
      ['PATCH', `${BASE}/other`, virtualService('reviews', 10), yaml, 400],
      ['PATCH', `${BASE.replace('bookinfo', 'other')}/reviews`, virtualService('reviews', 10), yaml, 400],
      ['PUT', `${BASE}/absent`, virtualService('absent', 10), {}, 404],
      ['PUT', `${BASE}/reviews`, virtualService('reviews', 30).replace('namespace: bookinfo', 'namespace: bookinfo, resourceVersion: "1"'), {}, 409],
      ['PATCH', `${BASE}/reviews`, '{}', { 'content-type': 'application/json-patch+json' }, 415],
      ['PATCH', `${BASE}/reviews`, `${virtualService('a', 1)}---\n${virtualService('b', 1)}`, yaml, 400],
    ];
    for (const [method, path, body, headers, status] of refused)
      assert.equal((await call(method, path, body, headers)).status, status, `${method} ${path}`);
    assert.equal((await call('PUT', `${BASE}/reviews`, virtualService('reviews', 30), { authorization: 'Bearer wrong' })).status, 401);
  });
});

test('of two who create one object at the same time, one is told that it exists', async () => {
  await withApi(async ({ call }) => {
    const answers = await Promise.all([10, 20].map((weight) => call('POST', BASE, virtualService('reviews', weight))));
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 409]);
    assert.equal(answers.find(({ status }) => status === 409)?.body['reason'], 'AlreadyExists');
  });
});

test('a merge patch changes one field', async () => {
  await withApi(async ({ call, apply }) => {
    await apply('reviews', 10);
    const patched = await call('PATCH', `${BASE}/reviews`, '{"spec":{"hosts":["reviews","ratings"]},"metadata":{"labels":{"a":"b"}}}', {
      'content-type': 'application/merge-patch+json',
    });
    assert.deepEqual(
      [patched.status, (patched.body['spec'] as { hosts: unknown }).hosts, (patched.body['metadata'] as { labels: unknown }).labels],
      [200, ['reviews', 'ratings'], { a: 'b' }],
    );
  });
});

test('lists select by label and name, and come as tables', async () => {
  await withApi(async ({ call, apply }) => {
    await apply('reviews', 10);
    await apply('ratings', 10);
    await call('PATCH', `${BASE}/ratings`, '{"metadata":{"labels":{"tier":"x"}},"spec":{"gateways":["mesh","g"]}}', {
      'content-type': 'application/merge-patch+json',
    });
    const names = async (query: string): Promise<string[]> =>
      (
        (await call('GET', `/apis/networking.istio.io/v1/virtualservices?${query}`)).body as unknown as { items: { metadata: { name: string } }[] }
      ).items.map((item) => item.metadata.name);
    assert.deepEqual(await names(''), ['ratings', 'reviews']);
    assert.deepEqual(await names('labelSelector=tier%3Dx'), ['ratings']);
    assert.deepEqual(await names('labelSelector=tier%20notin%20(x,y)'), ['reviews']);
    assert.deepEqual(await names('labelSelector=!tier&fieldSelector=metadata.name%3Dratings'), []);
    const table = (await call('GET', BASE, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }))
      .body as unknown as { rows: { cells: unknown[] }[] };
    assert.deepEqual(
      table.rows.map((row) => row.cells),
      [
        ['ratings', 'mesh,g', 'ratings', '0s'],
        ['reviews', 'mesh', 'reviews', '0s'],
      ],
    );
  });
});

test('a watch goes on from a revision without a gap', async () => {
  await withApi(async ({ url, call, apply }) => {
    await apply('reviews', 10);
    const revision = ((await call('GET', BASE)).body['metadata'] as { resourceVersion: string }).resourceVersion;
    await apply('ratings', 10);
    const stream = await requestStream({ url: `${url}${BASE}?watch=true&resourceVersion=${revision}` });
    const seen: unknown[] = [];
    let rest = '';
    for await (const chunk of stream.chunks) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as { type: string; object: { metadata: { name: string } } };
        seen.push(`${event.type} ${event.object.metadata.name}`);
        if (seen.length === 1) await apply('ratings', 20);
        if (seen.length === 2) await call('DELETE', `${BASE}/ratings`);
      }
      if (seen.length >= 3) break;
    }
    assert.deepEqual(seen, ['ADDED ratings', 'MODIFIED ratings', 'DELETED ratings']);
    for (const unknown of ['1', '99999', 'x']) {
      const old = await requestStream({ url: `${url}${BASE}?watch=true&resourceVersion=${unknown}&timeoutSeconds=5` });
      let text = '';
      for await (const chunk of old.chunks) text += chunk.toString();
      assert.match(text, /"type":"ERROR".*"reason":"Expired"/, unknown);
    }
  });
});

test('a watch with a selector sees an object come into it and leave it', async () => {
  await withApi(async ({ url, call, apply }) => {
    const merge = { 'content-type': 'application/merge-patch+json' };
    const label = (tier: string): Promise<Answer> => call('PATCH', `${BASE}/reviews`, `{"metadata":{"labels":{"tier":${tier}}}}`, merge);
    await apply('reviews', 10);
    const revision = ((await call('GET', BASE)).body['metadata'] as { resourceVersion: string }).resourceVersion;
    for (const tier of ['"x"', '"y"', '"x"', 'null']) await label(tier);
    const seen: string[] = [];
    const stream = await requestStream({ url: `${url}${BASE}?watch=true&resourceVersion=${revision}&labelSelector=tier%3Dx&timeoutSeconds=1` });
    let text = '';
    for await (const chunk of stream.chunks) text += chunk.toString();
    for (const line of text.split('\n').filter((one) => one !== '')) seen.push((JSON.parse(line) as { type: string }).type);
    assert.deepEqual(seen, ['ADDED', 'DELETED', 'ADDED', 'DELETED']);
  });
});

test('a change that was committed after a newer one is told to who resumes at the newer', async () => {
  const told = new Set<(changes: readonly ConfigChange[]) => void>();
  const empty = createMemoryStore({ clock });
  const log = createChangeLog({ ...empty, watch: (listener) => (told.add(listener), () => told.delete(listener)) });
  const [config] = decodeYaml(virtualService('a', 1)).configs;
  assert.ok(config !== undefined);
  const at = (resourceVersion: string): ConfigChange => ({ t: 'added', config: { ...config, meta: { ...config.meta, resourceVersion } } });
  for (const version of ['102', '101']) for (const tell of told) tell([at(version)]);
  assert.deepEqual(
    log.since(102)?.map(({ change }) => change.config.meta.resourceVersion),
    ['101'],
  );
});

test('problems of the mesh are listed, and told as warnings on a write', async () => {
  const problem: Problem = {
    code: 'KIA1101',
    severity: 'error',
    path: 'spec.http[0].route[0].destination.host',
    message: 'the host "rewiews" is nowhere',
    object: { kind: 'VirtualService', namespace: 'bookinfo', name: 'reviews' },
  };
  await withApi(
    async ({ call, apply }) => {
      assert.match(String((await apply('reviews', 10)).warning), /^299 - "\[KIA1101\] spec\.http\[0\].* the host \\"rewiews\\" is nowhere"$/);
      assert.deepEqual((await call('GET', '/meltemi/v1/problems?namespace=bookinfo')).body['problems'], [problem]);
      assert.deepEqual((await call('GET', '/meltemi/v1/problems?name=other')).body['problems'], []);
    },
    [problem],
  );
});

test('values of a Secret are written and never shown: not by get, list, watch, table or the answer of a write', async () => {
  await withApi(async ({ url, call }) => {
    const base = '/api/v1/namespaces/bookinfo/secrets';
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'cert',
        namespace: 'bookinfo',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"c2VjcmV0"}}', kept: 'yes' },
      },
      data: { a: 'c2VjcmV0' },
      stringData: { b: 'secret' },
    };
    const answers = [
      await call('POST', base, JSON.stringify(secret)),
      await call('GET', `${base}/cert`),
      await call('GET', base),
      await call('GET', `${base}/cert`, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
      await call('PATCH', `${base}/cert`, '{"metadata":{"labels":{"l":"1"}}}', { 'content-type': 'application/merge-patch+json' }),
    ];
    for (const answer of answers) {
      assert.ok(answer.status < 300, JSON.stringify(answer.body));
      assert.doesNotMatch(JSON.stringify(answer.body), /c2VjcmV0|"secret"/);
    }
    assert.deepEqual(answers[1]?.body['data'], { a: '(hidden)' });
    const watch = await requestStream({ url: `${url}${base}?watch=true`, headers: { authorization: 'Bearer token' } });
    for await (const chunk of watch.chunks) {
      assert.match(chunk.toString(), /"ADDED"/);
      assert.doesNotMatch(chunk.toString(), /c2VjcmV0/);
      break;
    }
    // What was shown is no value: applied again it is refused, and the stored value stays.
    assert.equal((await call('PUT', `${base}/cert`, JSON.stringify(answers[1]?.body))).status, 422);
  });
});
