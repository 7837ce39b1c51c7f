import type { BackendScript, Reply } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { filter } from '../filters.ts';
import type { CaseContext } from '../harness/context.ts';
import { cluster, http1, HTTP2_UPSTREAM, ROUTER, to } from '../resources.ts';
import { http2, raw, type Step } from '../steps.ts';

const HEAD = 'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n';
const POST = { method: 'POST', headers: { expect: '100-continue', 'content-length': '2' }, body: 'ok', waits: 'response' } as const;
const GOES_ON: Reply = { informational: [{ status: 100 }], body: 'main' };
const OVER2 = (replies: readonly Reply[]): BackendScript => ({ t: 'http2', replies });
const TOLD = { body: 'ok', headers: { expect: '100-continue' } } as const;

interface Setting {
  readonly main: readonly Reply[];
  readonly upstream?: 'http2';
  readonly options?: (c: CaseContext) => object;
  readonly route?: object;
}

/** Interim responses go through the proxy, and so does what asks for them. */
function through(name: string, { main, upstream, options = () => ({}), route = {} }: Setting, steps: readonly Step[]): ParityCase {
  return defineCase({
    name,
    backends: { main: upstream === undefined ? main : OVER2(main) },
    resources: (c) =>
      http1(c, [to(c, 'main', { prefix: '/' }, route)], { proxy_100_continue: true, ...options(c) }, [
        cluster(c, 'main', upstream === undefined ? {} : HTTP2_UPSTREAM),
      ]),
    steps,
  });
}

/** `proxy_100_continue`: what becomes of `Expect: 100-continue`, and of a server's interim responses. */
export const cases = [
  through('the upstream says 100, and gets the body', { main: [GOES_ON] }, [
    raw([HEAD, { interim: 1 }, 'ok'], { status: 200, interim: [100], backend: TOLD }, { on: 'a' }),
    raw([HEAD, { interim: 1 }, 'ok'], { status: 200, interim: [100], backend: TOLD, connection: 'open' }, { on: 'a' }),
  ]),
  through('the same from HTTP/2 to HTTP/1.1', { main: [GOES_ON] }, [http2(POST, { status: 200, interim: [100], backend: TOLD })]),
  through('the same from HTTP/1.1 to HTTP/2', { main: [GOES_ON], upstream: 'http2' }, [
    raw([HEAD, { interim: 1 }, 'ok'], { status: 200, interim: [100], backend: TOLD }),
  ]),
  through('the same over HTTP/2 on both sides', { main: [GOES_ON], upstream: 'http2' }, [
    http2(POST, { status: 200, interim: [100], backend: TOLD }),
  ]),
  through('chunks behind a 100', { main: [GOES_ON] }, [
    raw(['POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-Continue\r\ntransfer-encoding: chunked\r\n\r\n', { interim: 1 }, '2\r\nok\r\n0\r\n\r\n'], {
      status: 200,
      interim: [100],
      backend: { body: 'ok' },
    }),
  ]),
  through('a final answer without 100 ends it', { main: [{ status: 417, body: 'no', early: true }] }, [
    raw([HEAD, { responses: 1 }], { status: 417, body: 'no', backend: { body: '', headers: { expect: '100-continue' } } }),
  ]),
  through('a final answer without 100, over HTTP/2', { main: [{ status: 417, body: 'no', early: true }] }, [
    http2(POST, { status: 417, body: 'no' }),
  ]),
  through(
    'a final answer of an HTTP/2 upstream leaves the rest of the body undone',
    { main: [{ status: 417, body: 'no', early: true }], upstream: 'http2' },
    [
      raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc', { responses: 1 }], {
        status: 417,
        body: 'no',
        backend: { complete: false },
      }),
    ],
  ),
  {
    ...through('a client that goes away in the middle of its body', { main: [{ silent: true }], upstream: 'http2' }, [
      raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc', { backendHas: 1 }, { reset: true }], {
        responses: [],
        connection: 'reset',
        backend: { body: 'abc', complete: false },
      }),
    ]),
    log: [{ flags: 'DC', code: 0 }],
  },
  through('a client that does not wait', { main: [GOES_ON] }, [raw([`${HEAD}ok`], { status: 200, interim: [100], backend: TOLD })]),
  through(
    'early hints go to the client, with their links',
    { main: [{ informational: [{ status: 103, headers: { link: '</a.css>' } }], body: 'main' }] },
    [raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n'], { status: 200, interim: [103] }), http2({}, { status: 200, interim: [103] })],
  ),
  through(
    'a refusal of the proxy comes instead of the 100',
    { main: [GOES_ON], options: () => ({ http_filters: [filter('rbac', 'filters.http.rbac.v3.RBAC', { rules: {} }), ROUTER] }) },
    [raw([HEAD, { responses: 1 }], { status: 403, backend: null })],
  ),
  through(
    'an attempt that fails before its 100 is followed by another one',
    { main: [{ status: 503, early: true }, GOES_ON], route: { retry_policy: { retry_on: '5xx', num_retries: 1 } } },
    [raw([HEAD, { interim: 1 }, 'ok'], { status: 200, interim: [100] })],
  ),
  through(
    'behind a 100 nothing is tried again',
    { main: [{ ...GOES_ON, status: 503 }, GOES_ON], route: { retry_policy: { retry_on: '5xx', num_retries: 1 } } },
    [raw([HEAD, { interim: 1 }, 'ok'], { status: 503, interim: [100], backend: TOLD })],
  ),
  through('the upstream is lost behind its 100', { main: [{ informational: [{ status: 100 }], after: 'close' }] }, [
    raw([HEAD, { interim: 1 }, 'ok'], { interim: [100] }),
  ]),
];
