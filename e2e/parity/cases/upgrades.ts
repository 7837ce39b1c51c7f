import { defineCase } from '../define.ts';
import { http1, to } from '../resources.ts';
import { raw } from '../steps.ts';

const ALL = { prefix: '/' };
const WEBSOCKET = { upgrade_configs: [{ upgrade_type: 'websocket' }] };
const CONNECT = { upgrade_configs: [{ upgrade_type: 'CONNECT' }] };
const MATCH = { connect_matcher: {} };
/** The route ends CONNECT requests here. */
const ENDS = { upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] };
const ASK = 'GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n';
const AGREED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nearly';

/** Protocols that are changed to, and tunnels. */
export const cases = [
  defineCase({
    name: 'an upgrade that is allowed goes through, and so do the bytes',
    backends: { main: [{ raw: AGREED }] },
    resources: (c) => http1(c, [to(c, 'main')], WEBSOCKET),
    steps: [raw([ASK, { received: 'early' }, { fin: true }], { status: 101, backend: { headers: { upgrade: 'websocket' } } })],
  }),
  defineCase({
    name: 'an upgrade that is not allowed is 403',
    resources: (c) => http1(c, [to(c, 'main')]),
    steps: [raw(ASK, { status: 403, body: '', backend: null })],
    log: [{ code: 403, details: 'upgrade_failed' }],
  }),
  defineCase({
    name: 'a route may refuse an upgrade',
    resources: (c) =>
      http1(
        c,
        [
          to(c, 'main', { prefix: '/chat' }, { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] }),
          to(c, 'main', ALL, { upgrade_configs: [{ upgrade_type: 'spdy' }] }),
        ],
        WEBSOCKET,
      ),
    steps: [
      raw(ASK, { status: 403, backend: null }),
      raw(ASK.replace('/chat', '/other').replace('websocket', 'irc'), { status: 403, backend: null }),
    ],
  }),
  defineCase({
    name: 'a route may allow an upgrade',
    backends: { main: [{ raw: AGREED }] },
    resources: (c) => http1(c, [to(c, 'main', ALL, { upgrade_configs: [{ upgrade_type: 'spdy' }] })], WEBSOCKET),
    steps: [
      raw([ASK.replace('websocket', 'spdy'), { received: 'early' }, { fin: true }], { status: 101, backend: { headers: { upgrade: 'spdy' } } }),
    ],
  }),
  defineCase({
    name: 'an upgrade that the upstream does not take is answered by it',
    backends: { main: [{ status: 200, body: 'no' }] },
    resources: (c) => http1(c, [to(c, 'main')], WEBSOCKET),
    steps: [raw(ASK, { status: 200 })],
  }),
  defineCase({
    name: 'an upgrade without a route',
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/only' })], WEBSOCKET),
    steps: [raw(ASK, { status: 404 })],
  }),
  defineCase({
    name: 'CONNECT without a word about it',
    resources: (c) => http1(c, [to(c, 'main', MATCH), to(c, 'main')]),
    steps: [raw('CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n', { status: 403, backend: null }, { methods: ['CONNECT'] })],
  }),
  defineCase({
    name: 'CONNECT without a route for it',
    resources: (c) => http1(c, [to(c, 'main')], CONNECT),
    steps: [raw('CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n', { status: 404, backend: null }, { methods: ['CONNECT'] })],
  }),
  defineCase({
    name: 'CONNECT that ends here: bytes to the upstream and back',
    backends: { main: { t: 'tcp', tcp: { greeting: 'hello ', echo: true } } },
    resources: (c) => http1(c, [to(c, 'main', MATCH, ENDS)], CONNECT),
    steps: [
      raw(
        [
          'CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\nearly ',
          { received: 'hello early ' },
          'more',
          { received: 'hello early more' },
          { fin: true },
        ],
        { status: 200 },
        { methods: ['CONNECT'] },
      ),
    ],
    log: [{ method: 'CONNECT', code: 200, authority: 'far.example:443' }],
  }),
  defineCase({
    name: 'CONNECT that ends here, and nobody listens',
    backends: { main: { t: 'closed' } },
    resources: (c) => http1(c, [to(c, 'main', MATCH, ENDS)], CONNECT),
    steps: [raw('CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n', { status: 503 }, { methods: ['CONNECT'] })],
    log: [{ code: 503, flags: 'UF' }],
  }),
  defineCase({
    name: 'CONNECT that is passed on',
    backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\n\r\nhello' }] },
    resources: (c) => http1(c, [to(c, 'main', MATCH)], CONNECT),
    steps: [
      raw(
        ['CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n', { received: 'hello' }, { fin: true }],
        { status: 200, backend: { method: 'CONNECT', target: 'far.example:443' } },
        { methods: ['CONNECT'] },
      ),
    ],
  }),
  defineCase({
    name: 'CONNECT that is passed on and refused',
    backends: { main: [{ status: 403, body: 'no' }] },
    resources: (c) => http1(c, [to(c, 'main', MATCH)], CONNECT),
    steps: [raw('CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\n\r\n', { status: 403, body: 'no' }, { methods: ['CONNECT'] })],
  }),
  defineCase({
    name: 'CONNECT with a body of known length',
    resources: (c) => http1(c, [to(c, 'main', MATCH)], CONNECT),
    steps: [raw(`CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\ncontent-length: 3\r\n\r\nabc`, { status: 400, backend: null })],
  }),
  defineCase({
    name: 'CONNECT with a body in chunks',
    resources: (c) => http1(c, [to(c, 'main', MATCH)], CONNECT),
    steps: [
      raw(`CONNECT far.example:443 HTTP/1.1\r\nhost: far.example:443\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, {
        status: 501,
        backend: null,
      }),
    ],
  }),
];
