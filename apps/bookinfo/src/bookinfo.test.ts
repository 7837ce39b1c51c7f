import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createDetails } from './details.ts';
import { startLoad, summaryLine, type LoadSummary } from './loadgen.ts';
import { createProductpage } from './productpage.ts';
import { createRatings } from './ratings.ts';
import { createReviews } from './reviews.ts';
import { listen, type Environment, type Handler, type RunningServer } from './server.ts';

const running: RunningServer[] = [];
const logs: string[] = [];

async function serve(handler: Handler): Promise<RunningServer> {
  const server = await listen(handler, { host: '127.0.0.1', port: 0, log: (line) => logs.push(line) });
  running.push(server);
  return server;
}

function at(name: string, server: { host: string; port: number }): Environment {
  return { [`${name}_SERVICE_HOST`]: server.host, [`${name}_SERVICE_PORT`]: String(server.port) };
}

function url(server: RunningServer, path: string): string {
  return `http://${server.host}:${server.port}${path}`;
}

async function getJson(server: RunningServer, path: string): Promise<unknown> {
  return (await fetch(url(server, path))).json();
}

after(async () => {
  for (const server of running) await server.close();
});

describe('bookinfo', () => {
  let ratings: RunningServer;
  let details: RunningServer;
  before(async () => {
    ratings = await serve(createRatings({}));
    details = await serve(createDetails());
  });

  it('refuses a target that is no URL', async () => {
    // fetch would make "/" of it.
    const status = await new Promise((resolve, reject) => {
      get({ host: ratings.host, port: ratings.port, path: '//' }, (response) => resolve(response.resume().statusCode)).once('error', reject);
    });
    assert.equal(status, 400);
  });

  it('answers on the original paths with the original JSON', async () => {
    const reviews = await serve(createReviews({ SERVICE_VERSION: 'v3', POD_NAME: 'reviews-v3-0', ...at('RATINGS', ratings) }));
    const page = await serve(createProductpage({ ...at('DETAILS', details), ...at('REVIEWS', reviews), ...at('RATINGS', ratings) }));
    assert.equal(await (await fetch(url(page, '/health'))).text(), 'Product page is healthy');
    assert.deepEqual(await getJson(ratings, '/ratings/7'), { id: 7, ratings: { Reviewer1: 5, Reviewer2: 4 } });
    assert.deepEqual(await getJson(page, '/api/v1/products/0/ratings'), { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } });
    assert.deepEqual(await getJson(page, '/api/v1/products/3'), {
      id: 3,
      author: 'William Shakespeare',
      year: 1595,
      type: 'paperback',
      pages: 200,
      publisher: 'PublisherA',
      language: 'English',
      'ISBN-10': '1234567890',
      'ISBN-13': '123-1234567890',
    });
    const body = (await getJson(page, '/api/v1/products/0/reviews')) as {
      id: string;
      podname: string;
      clustername: string;
      reviews: { rating: unknown }[];
    };
    assert.deepEqual(
      [body.id, body.podname, body.clustername, body.reviews.map((review) => review.rating)],
      [
        '0',
        'reviews-v3-0',
        'null',
        [
          { stars: 5, color: 'red' },
          { stars: 4, color: 'red' },
        ],
      ],
    );
    assert.deepEqual((await getJson(page, '/api/v1/products')) as { id: number; title: string }[] | undefined, [
      { ...((await getJson(page, '/api/v1/products')) as object[])[0], id: 0, title: 'The Comedy of Errors' },
    ]);
    assert.equal((await fetch(url(details, '/details/x'))).status, 400);
    assert.equal((await fetch(url(page, '/nowhere'))).status, 404);
  });

  it('shows no stars, black stars and red stars, and two looks of the page', async () => {
    const pages: string[] = [];
    for (const version of ['v1', 'v2', 'v3']) {
      const reviews = await serve(createReviews({ SERVICE_VERSION: version, ...at('RATINGS', ratings) }));
      const page = await serve(
        createProductpage({ SERVICE_VERSION: version === 'v1' ? 'v2' : 'v1', ...at('DETAILS', details), ...at('REVIEWS', reviews) }),
      );
      pages.push(await (await fetch(url(page, '/productpage'))).text());
    }
    assert.deepEqual(
      pages.map((page) => [/class="stars (\w+)"/.exec(page)?.[1], /body class="(\w+)"/.exec(page)?.[1]]),
      [
        [undefined, 'evening'],
        ['black', 'day'],
        ['red', 'day'],
      ],
    );
    assert.ok(pages.every((page) => page.includes('<title>Simple Bookstore App</title>') && page.includes('Reviews served by')));
  });

  it('degrades part by part when what is behind it is gone', async () => {
    const gone = await listen(() => ({ status: 200, type: 'text/plain', body: '' }), { host: '127.0.0.1', port: 0, log: () => {} });
    await gone.close();
    const reviews = await serve(createReviews({ SERVICE_VERSION: 'v2', ...at('RATINGS', gone) }));
    const page = await serve(createProductpage({ ...at('DETAILS', gone), ...at('REVIEWS', reviews) }));
    const answer = await fetch(url(page, '/productpage'));
    const text = await answer.text();
    assert.equal(answer.status, 200);
    assert.match(text, /Error fetching product details!/);
    assert.match(text, /Ratings service is currently unavailable/);
  });

  it('passes trace headers on, and the user of the session as end-user', async () => {
    let seen: Record<string, string | string[] | undefined> = {};
    const spy = await serve((request) => {
      seen = request.headers;
      return { status: 200, type: 'application/json', body: '{"reviews":[],"podname":"p","clustername":"null"}' };
    });
    const page = await serve(createProductpage({ ...at('DETAILS', details), ...at('REVIEWS', spy) }));
    const login = await fetch(url(page, '/login'), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ username: 'jason', passwd: '' }),
      headers: { referer: 'http://evil.example//elsewhere' },
    });
    assert.deepEqual([login.status, login.headers.get('location')], [302, '/productpage']);
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const sent = {
      cookie,
      'x-request-id': 'r1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x-b3-traceid': 't1',
      'x-private': 'no',
    };
    const text = await (await fetch(url(page, '/productpage'), { headers: sent })).text();
    assert.match(text, /Signed in as <b>jason<\/b>/);
    assert.deepEqual(
      ['end-user', 'x-request-id', 'traceparent', 'x-b3-traceid', 'cookie', 'x-private'].map((name) => seen[name]),
      ['jason', 'r1', sent.traceparent, 't1', cookie, undefined],
    );
    await fetch(url(page, '/productpage'), { headers: { cookie: `${cookie}x` } });
    assert.equal(seen['end-user'], undefined, 'a forged session names nobody');
  });

  it('has runtime metrics and a line per request', async () => {
    const text = await (await fetch(url(details, '/metrics'))).text();
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_heap_size_used_bytes',
      'nodejs_eventloop_lag_seconds',
      'nodejs_version_info',
    ]) {
      assert.match(text, new RegExp(`^${name}(\\{.*\\})? [0-9.e-]+$`, 'm'));
    }
    await (await fetch(url(details, '/details/0'), { headers: { 'x-request-id': 'line-1' } })).text();
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(logs.some((line) => /GET \/details\/0 200 [\d.]+ms request-id=line-1$/.test(line)));
  });

  it('keeps posted ratings, and refuses what is not one', async () => {
    const own = await serve(createRatings({}));
    const post = (body: string): Promise<Response> => fetch(url(own, '/ratings/1'), { method: 'POST', body });
    assert.equal((await post('{"Reviewer1": 2}')).status, 200);
    assert.equal((await post('[1')).status, 400);
    assert.deepEqual(await getJson(own, '/ratings/1'), { id: 1, ratings: { Reviewer1: 2 } });
  });
});

it('the load generator keeps its rate and counts failures', async () => {
  let served = 0;
  const target = createServer((_request, response) => {
    served += 1;
    response.statusCode = served % 4 === 0 ? 500 : 200;
    response.end('x');
  });
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  const summary = await new Promise<LoadSummary>((resolve) => {
    const load = startLoad({
      url: `http://127.0.0.1:${(target.address() as AddressInfo).port}/`,
      requestsPerSecond: 100,
      reportMs: 500,
      report: (first) => {
        resolve(first);
        load.stop();
      },
    });
  });
  target.closeAllConnections();
  await new Promise((resolve) => target.close(resolve));
  assert.ok(summary.requests > 30 && summary.requests < 70, summaryLine(summary));
  assert.ok(summary.failed > 0 && summary.failed < summary.requests / 2, summaryLine(summary));
});
