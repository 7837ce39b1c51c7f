import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCodec } from '@meltemi/protos';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { eventually } from '../testkit/load.ts';
import { askAdmin } from './admin-shapes.ts';
import { startBackends } from './backend/index.ts';
import { filter } from './filters.ts';
import { createContext } from './harness/context.ts';
import { createIdentities } from './harness/identities.ts';
import { startEmbedded, startEnvoy, type Proxy } from './harness/proxies.ts';
import { cluster, direct, hcm, listener, ROUTER, to } from './resources.ts';

const CLI = join(import.meta.dirname, '../../apps/meltemi/src/main.ts');

interface Header {
  readonly key: string;
  readonly value: string;
}

interface Message {
  readonly headers: readonly Header[];
  readonly body?: object;
}

interface Tapped {
  readonly proxy: Proxy;
  readonly url: string;
}

/** What both proxies must tell of the same request; the values of headers that this hop makes up are its own. */
const MADE_UP = /^(?:date|x-request-id|server|x-envoy-.*|x-forwarded-.*|accept.*|user-agent|sec-.*)$/;

async function withProxies(run: (side: Tapped) => Promise<unknown>): Promise<readonly unknown[]> {
  const identities = await createIdentities();
  const codec = loadCodec('all');
  const envoy = findEnvoy();
  const proxies = await Promise.all([startEmbedded(codec, identities), ...(envoy === undefined ? [] : [startEnvoy(envoy, codec, identities)])]);
  try {
    return await Promise.all(
      proxies.map(async (proxy) => {
        await using backends = await startBackends({ main: [{ headers: { 'x-answer': 'yes', 'set-cookie': 'a=b' }, body: 'hello' }] }, identities);
        const c = createContext('c0001', proxy.place, backends.addresses);
        const tap = filter('tap', 'filters.http.tap.v3.Tap', { common_config: { admin_config: { config_id: 'here' } } });
        const routes = [direct('own', { prefix: '/own' }), to(c, 'main')];
        assert.deepEqual(
          await proxy.xds.push({ listeners: [listener(c, [hcm(c, routes, { http_filters: [tap, ROUTER] })])], clusters: [cluster(c, 'main')] }),
          [],
        );
        const url = `http://${c.address}:${c.port('main')}`;
        await eventually('the listener serves', 10_000, async () => ((await fetch(url).catch(() => undefined))?.ok ? true : undefined));
        return await run({ proxy, url });
      }),
    );
  } finally {
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  }
}

/** Opens a tap and makes calls while it is open; the traces that have come, parsed. */
async function tapped({ proxy }: Tapped, request: object, query: string, calls: () => Promise<void>, count: number): Promise<readonly unknown[]> {
  const abort = new AbortController();
  const response = await fetch(`${proxy.adminUrl()}/tap${query}`, { method: 'POST', body: JSON.stringify(request), signal: abort.signal });
  assert.equal(response.status, 200);
  let text = '';
  const read = (async () => {
    for await (const piece of response.body as AsyncIterable<Uint8Array>) text += Buffer.from(piece).toString();
  })().catch(() => undefined);
  await calls();
  const traces = await eventually(`traces come from ${proxy.name}`, 10_000, async () => (parse(text).length >= count ? parse(text) : undefined));
  abort.abort();
  await read;
  return traces;
}

/** Objects one behind another, each ending with a line of its own. */
function parse(text: string): readonly unknown[] {
  return text
    .split(/\n(?=\{)/)
    .filter((part) => part.trimEnd().endsWith('\n}') && part.startsWith('{'))
    .map((part): unknown => JSON.parse(part));
}

const request = (match: object, output: object = {}, sink: object = { streaming_admin: {} }, configId = 'here'): object => ({
  config_id: configId,
  tap_config: { match, output_config: { ...output, sinks: [{ format: 'JSON_BODY_AS_STRING', ...sink }] } },
});

const path = (value: string): object => ({ http_request_headers_match: { headers: [{ name: ':path', string_match: { prefix: value } }] } });

const call = (url: string, at: string, init: RequestInit = {}): Promise<string> => fetch(url + at, init).then((response) => response.text());

/** A trace without what each proxy makes up. */
function plain(trace: unknown): unknown {
  const { request: asked, response } = (trace as { http_buffered_trace: { request: Message; response: Message } }).http_buffered_trace;
  const seen = ({ headers, ...rest }: Message): object => ({
    ...rest,
    headers: Object.fromEntries(
      headers.filter(({ key }) => !MADE_UP.test(key) && key !== 'connection' && key !== ':authority').map(({ key, value }) => [key, value]),
    ),
  });
  return { request: seen(asked), response: seen(response) };
}

test('a tap shows requests as Envoy does: matched, with bodies up to the limit, its own answers too', { timeout: 60_000 }, async () => {
  const results = await withProxies(async (side) => {
    const { url } = side;
    const bodies = await tapped(
      side,
      request(path('/a'), { max_buffered_rx_bytes: 2, max_buffered_tx_bytes: 3 }),
      '',
      async () => {
        await call(url, '/b');
        await call(url, '/a', { method: 'POST', body: 'abc' });
      },
      1,
    );
    const own = await tapped(side, request(path('/own')), '', async () => void (await call(url, '/own')), 1);
    const byAnswer = await tapped(
      side,
      request({
        and_match: {
          rules: [
            path('/'),
            {
              http_response_headers_match: {
                headers: [
                  { name: 'x-answer', string_match: { exact: 'yes' } },
                  { name: ':status', string_match: { prefix: '2' } },
                ],
              },
            },
          ],
        },
      }),
      '',
      async () => {
        await call(url, '/own');
        await call(url, '/c');
      },
      1,
    );
    const gathered = await tapped(
      side,
      request({ any_match: true }, {}, { buffered_admin: { max_traces: 2 } }),
      '',
      async () => {
        await call(url, '/d');
        await call(url, '/e');
      },
      2,
    );
    return [bodies, own, byAnswer, gathered].map((traces) => traces.map(plain));
  });
  const [ours, envoy] = results as [unknown[][], unknown[][] | undefined];
  assert.deepEqual(ours[0]?.[0], {
    request: {
      headers: {
        ':path': '/a',
        ':method': 'POST',
        ':scheme': 'http',
        'content-type': 'text/plain;charset=UTF-8',
        'content-length': '3',
      },
      body: { as_string: 'ab', truncated: true },
      trailers: [],
    },
    response: {
      headers: { ':status': '200', 'content-length': '5', 'x-answer': 'yes', 'set-cookie': '[masked]' },
      body: { as_string: 'hel', truncated: true },
      trailers: [],
    },
  });
  assert.deepEqual(
    ours.map((traces) => traces.length),
    [1, 1, 1, 2],
  );
  if (envoy === undefined) return;
  // Envoy hides nothing.
  assert.deepEqual(JSON.parse(JSON.stringify(ours).replaceAll('[masked]', 'a=b')), envoy);
});

test('a tap in segments, one at a time, of any connection manager, by peer; secrets are shown to who asks', { timeout: 60_000 }, async () => {
  const skip = findEnvoy() === undefined ? NO_ENVOY : '';
  const results = await withProxies(async (side) => {
    const { url, proxy } = side;
    const segments = await tapped(
      side,
      request(path('/a'), { streaming: true }),
      '',
      async () => void (await call(url, '/a', { method: 'POST', body: 'abc' })),
      4,
    );
    const events = segments.map((segment) =>
      Object.keys((segment as { http_streamed_trace_segment: object }).http_streamed_trace_segment).filter((key) => key !== 'trace_id'),
    );
    const refusals = [];
    for (const body of [
      '',
      JSON.stringify(request({ any_match: true }, {}, { streaming_admin: {} }, 'other')),
      JSON.stringify({ config_id: 'here' }),
    ])
      refusals.push((await askAdmin(proxy.adminUrl(), '/tap', { method: 'POST', body })).status);
    let second: number | undefined;
    await tapped(
      side,
      request(path('/f')),
      '',
      async () => {
        second = (await askAdmin(proxy.adminUrl(), '/tap', { method: 'POST', body: JSON.stringify(request(path('/g'))) })).status;
        await call(url, '/f');
      },
      1,
    );
    return { events: events.map(([event]) => event), refusals, second };
  });
  const [ours, envoy] = results;
  assert.deepEqual(ours, {
    events: ['request_headers', 'request_body_chunk', 'response_headers', 'response_body_chunk'],
    refusals: [400, 400, 400],
    second: 400,
  });
  if (skip === '') assert.deepEqual(ours, envoy);

  await withProxies(async (side) => {
    if (side.proxy.name !== 'embedded') return;
    const secret = { headers: { authorization: 'Bearer x', cookie: 'session=y' } };
    const live = request({ any_match: true }, {}, { streaming_admin: {} }, 'meltemi');
    const calls = async (): Promise<void> => void (await call(side.url, '/s?access_token=t&q=1', secret));
    const values = (traces: readonly unknown[]): unknown => {
      const { headers } = (traces[0] as { http_buffered_trace: { request: Message } }).http_buffered_trace.request;
      return ['authorization', 'cookie', ':path'].map((name) => headers.find(({ key }) => key === name)?.value);
    };
    assert.deepEqual(values(await tapped(side, live, '?peer=127.0.0.1', calls, 1)), ['[masked]', '[masked]', '/s?access_token=[masked]&q=1']);
    assert.deepEqual(values(await tapped(side, live, '?show_secrets', calls, 1)), ['Bearer x', 'session=y', '/s?access_token=t&q=1']);
    const others = tapped(side, live, '?peer=10.9.9.9', calls, 1).then(
      () => 'seen',
      () => 'not seen',
    );
    assert.equal(await Promise.race([others, new Promise((resolve) => setTimeout(resolve, 500, 'not seen'))]), 'not seen');
    const counts = await askAdmin(side.proxy.adminUrl(), '/stats?filter=tap');
    assert.match(counts.body, /tap\.rq_tapped: 2\n/);
  });
});

test('meltemi proxy-tap: a line for each request; all of it as JSON', { timeout: 60_000 }, async () => {
  const cli = (...args: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(process.execPath, [CLI, 'proxy-tap', ...args], { timeout: 20_000 }, (error, out) => (error === null ? resolve(out) : reject(error)));
    });
  await withProxies(async ({ proxy, url }) => {
    if (proxy.name !== 'embedded') return;
    const ends = new AbortController();
    const traffic = (async () => {
      while (!ends.signal.aborted) {
        await call(url, '/own');
        await call(url, '/c', { method: 'POST', body: 'abc', headers: { authorization: 'Bearer x' } });
      }
    })();
    try {
      const admin = ['--admin', proxy.adminUrl()];
      assert.match(await cli(...admin, '--path', '/own', '--count', '2', '--body', '3'), /^(?:GET [\d.:]+\/own 200 text\/plain\n {2}own\n){2}$/);
      const [line = ''] = (await cli(...admin, '--method', 'post', '--status', '2', '--count', '1', '-o', 'json')).split('\n');
      const { headers } = (JSON.parse(line) as { http_buffered_trace: { request: Message } }).http_buffered_trace.request;
      assert.equal(headers.find(({ key }) => key === 'authorization')?.value, '[masked]');
      assert.match(await cli(...admin, '--header', 'authorization=Bearer x', '--show-secrets', '--count', '1', '-o', 'json'), /Bearer x/);
    } finally {
      ends.abort();
      await traffic;
    }
  });
});
