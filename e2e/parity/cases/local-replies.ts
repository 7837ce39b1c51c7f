import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { accessLog, cluster, direct, hcm, http1, listener, to, type Resources } from '../resources.ts';
import { http, push, raw } from '../steps.ts';

/** A connection manager with these rules for its own answers: direct ones, one to nobody, one from a backend, the rest unrouted. */
function rules(c: CaseContext, config: object): Resources {
  const routes = [
    direct('text', { path: '/direct' }),
    direct('gone', { path: '/gone' }, {}, 410),
    to(c, 'away', { path: '/away' }),
    to(c, 'main', { path: '/main' }),
    { match: { path: '/redirect' }, redirect: { path_redirect: '/new' } },
  ];
  return http1(c, routes, { local_reply_config: config });
}

const BACKENDS = { main: [{ status: 503, body: "the backend's own" }], away: { t: 'closed' } } as const;
const status = (op: string, value: number): object => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: 'none' } } },
});
const text = (inline: string): object => ({ text_format_source: { inline_string: inline } });

/** Bodies, formats and statuses of the proxy's own answers. */
export const cases = [
  defineCase({
    name: 'a text format for all of them',
    backends: BACKENDS,
    resources: (c) => rules(c, { body_format: text('%LOCAL_REPLY_BODY%:%RESPONSE_CODE%:path=%REQ(:path)%\n') }),
    steps: [
      http('/unrouted', { status: 404, body: ':404:path=/unrouted\n', headers: { 'content-type': 'text/plain' } }),
      http('/direct', { status: 200, body: 'text:200:path=/direct\n' }),
      http('/away', { status: 503, body: /^upstream connect error.*:503:path=\/away\n$/ }),
      http('/main', { status: 503, body: "the backend's own" }),
      http('/redirect', { status: 301 }),
    ],
  }),
  defineCase({
    name: 'an answer to what cannot be read tells nothing of the request before it',
    backends: BACKENDS,
    resources: (c) =>
      rules(c, {
        mappers: [
          {
            filter: { status_code_filter: { comparison: { op: 'EQ', value: { default_value: 400, runtime_key: 'none' } } } },
            headers_to_add: [{ header: { key: 'x-told', value: 'secret=%REQ(x-secret)%' }, keep_empty_value: true }],
            body_format_override: text('secret=%REQ(x-secret)% path=%REQ(:path)%'),
          },
        ],
      }),
    steps: [
      http({ path: '/main', headers: { 'x-secret': 'of-another' } }, { status: 503 }),
      raw('GET / HTTP/1.1\r\nhost: a\r\nbroken line\r\n\r\n', { status: 400, headers: { 'x-told': /^(?!.*of-another)/ }, body: /^(?!.*of-another)/ }),
    ],
  }),
  defineCase({
    name: 'a JSON format',
    backends: BACKENDS,
    resources: (c) =>
      rules(c, {
        body_format: { json_format: { status: '%RESPONSE_CODE%', message: '%LOCAL_REPLY_BODY%', path: '%REQ(:path)%', none: '%REQ(x-none)%' } },
      }),
    steps: [
      http('/gone', { status: 410, headers: { 'content-type': 'application/json' }, body: /"message":"gone"/ }),
      http('/unrouted', { status: 404, headers: { 'content-type': 'application/json' } }),
    ],
  }),
  defineCase({
    name: 'a content type of its own',
    backends: BACKENDS,
    resources: (c) => rules(c, { body_format: { ...text('<p>%LOCAL_REPLY_BODY%</p>'), content_type: 'text/html; charset=UTF-8' } }),
    steps: [http('/gone', { status: 410, body: '<p>gone</p>', headers: { 'content-type': 'text/html; charset=UTF-8' } })],
  }),
  defineCase({
    name: 'a rule changes status and body, and adds headers',
    backends: BACKENDS,
    resources: (c) =>
      rules(c, {
        mappers: [
          {
            filter: status('EQ', 404),
            status_code: 418,
            body: { inline_string: 'not here' },
            headers_to_add: [{ header: { key: 'x-rule', value: 'one' } }, { header: { key: 'x-path', value: '%REQ(:path)%' } }],
          },
        ],
      }),
    steps: [
      http('/unrouted', { status: 418, body: 'not here', headers: { 'x-rule': 'one', 'x-path': '/unrouted', 'content-type': 'text/plain' } }),
      http('/gone', { status: 410, body: 'gone', headers: { 'x-rule': null } }),
    ],
    log: [{ code: 418, flags: 'NR', details: 'route_not_found' }, { code: 410 }],
  }),
  defineCase({
    name: 'the first rule that matches counts, with a format of its own',
    backends: BACKENDS,
    resources: (c) =>
      rules(c, {
        mappers: [
          {
            filter: { response_flag_filter: { flags: ['UF'] } },
            body: { inline_string: 'away' },
            body_format_override: text('[%LOCAL_REPLY_BODY%]'),
          },
          { filter: status('GE', 400), status_code: 500 },
        ],
        body_format: text('(%LOCAL_REPLY_BODY%)'),
      }),
    steps: [
      http('/away', { status: 503, body: '[away]' }),
      http('/gone', { status: 500, body: '(gone)' }),
      http('/direct', { status: 200, body: '(text)' }),
    ],
  }),
  defineCase({
    name: 'an answer to HEAD has no body',
    backends: BACKENDS,
    resources: (c) => rules(c, { body_format: text('<%LOCAL_REPLY_BODY%>') }),
    steps: [http({ method: 'HEAD', path: '/gone' }, { status: 410, body: '' })],
  }),
  defineCase({
    name: 'a gRPC call gets the text as its message',
    backends: BACKENDS,
    resources: (c) =>
      rules(c, {
        mappers: [{ filter: status('EQ', 410), status_code: 403, body: { inline_string: 'denied' } }],
        body_format: text('<%LOCAL_REPLY_BODY%>'),
      }),
    steps: [
      http(
        { method: 'POST', path: '/gone', headers: { 'content-type': 'application/grpc', connection: 'close' } },
        { status: 200, body: '', headers: { 'grpc-status': '7', 'grpc-message': '<denied>' } },
      ),
    ],
  }),
  defineCase({
    name: 'a rule without a filter is refused',
    resources: (c) => http1(c, [direct('before')]),
    steps: [
      push((c) => http1(c, [direct('after')], { local_reply_config: { mappers: [{ status_code: 500 }] } }), { verdict: 'nack' }),
      http('/', { status: 200, body: 'before' }),
    ],
  }),
  // Without rules.
  defineCase({
    name: 'a gRPC call whose route is missing gets UNIMPLEMENTED',
    resources: (c) => http1(c, [direct('x', { path: '/other' })]),
    steps: [
      http(
        { method: 'POST', path: '/call', headers: { 'content-type': 'application/grpc', connection: 'close' } },
        { status: 200, body: '', headers: { 'content-type': 'application/grpc', 'grpc-status': '12' } },
      ),
    ],
  }),
  defineCase({
    name: 'a direct response of 200 to a gRPC call',
    resources: (c) => http1(c, [direct('fine')]),
    steps: [
      http(
        { method: 'POST', headers: { 'content-type': 'application/grpc+proto', connection: 'close' } },
        { status: 200, body: '', headers: { 'grpc-status': '2', 'grpc-message': 'fine' } },
      ),
    ],
  }),
  defineCase({
    name: 'a redirect of a gRPC call',
    resources: (c) => http1(c, [{ match: { prefix: '/' }, redirect: { path_redirect: '/new' } }]),
    steps: [
      http(
        { method: 'POST', headers: { 'content-type': 'application/grpc', connection: 'close' } },
        { status: 200, headers: { 'grpc-status': '2' } },
      ),
    ],
  }),
  defineCase({
    name: 'a gRPC message is percent-encoded',
    resources: (c) => http1(c, [direct('100% \u00e4\n', { prefix: '/' }, {}, 403)]),
    steps: [
      http(
        { method: 'POST', headers: { 'content-type': 'application/grpc', connection: 'close' } },
        { status: 200, headers: { 'grpc-status': '7' } },
      ),
    ],
  }),
  defineCase({
    name: 'the log of an answer with rules',
    backends: BACKENDS,
    resources: (c) => {
      const options = {
        local_reply_config: { mappers: [{ filter: status('EQ', 404), status_code: 200, body: { inline_string: 'ok' } }] },
        access_log: [accessLog(c, { type: '%RESP(content-type)%' })],
      };
      return { listeners: [listener(c, [hcm(c, [to(c, 'main', { path: '/main' })], options)])], clusters: [cluster(c, 'main')] };
    },
    steps: [http('/x', { status: 200, body: 'ok' })],
    log: [{ code: 200, sent: 2, flags: 'NR' }],
  }),
];
