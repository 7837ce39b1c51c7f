import { defineCase } from '../define.ts';
import { accessLog, cluster, hcm, listener, tcpProxy, to } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { http, push, raw, tcp } from '../steps.ts';

const UPGRADE = 'GET /ws HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n';

const TYPE = { type: '%ACCESS_LOG_TYPE%' };
const typed = (c: CaseContext): object => ({ access_log: [accessLog(c, TYPE)] });
const only = (c: CaseContext, type: string): object => ({ access_log: [{ ...accessLog(c, TYPE), filter: { log_type_filter: { types: [type] } } }] });

function ofHttp(c: CaseContext, options: object, more: object = {}): Resources {
  const own = { ...typed(c), access_log_options: options, ...more };
  return { listeners: [listener(c, [hcm(c, [to(c, 'main', { prefix: '/' }, {}, { name: 'all' })], own)])], clusters: [cluster(c, 'main')] };
}

function ofBytes(c: CaseContext, options: object): Resources {
  return { listeners: [listener(c, [tcpProxy(c, 'main', { ...typed(c), access_log_options: options })])], clusters: [cluster(c, 'main')] };
}

/** Lines about what is not over yet. */
export const cases = [
  defineCase({
    name: 'a line as a request comes, and one at its end',
    resources: (c) => ofHttp(c, { flush_access_log_on_new_request: true }),
    steps: [http('/', { status: 200 })],
    log: [
      { type: 'DownstreamStart', code: 0 },
      { type: 'DownstreamEnd', code: 200 },
    ],
  }),
  defineCase({
    name: 'lines of a request that takes long',
    backends: { main: [{ delayMs: 1_500, body: 'late' }] },
    resources: (c) => ofHttp(c, { access_log_flush_interval: '1s' }),
    steps: [http('/', { status: 200 })],
    log: [
      { type: 'DownstreamPeriodic', code: 0 },
      { type: 'DownstreamEnd', code: 200 },
    ],
  }),
  defineCase({
    name: 'a filter takes only the lines of one moment',
    resources: (c) => ofHttp(c, { flush_access_log_on_new_request: true }, only(c, 'DownstreamStart')),
    steps: [http('/', { status: 200 })],
    log: [{ type: 'DownstreamStart' }],
  }),
  defineCase({
    name: 'a filter takes only lines of what has gone on for long',
    backends: { main: [{ delayMs: 1_500, body: 'late' }] },
    resources: (c) => {
      const filter = { duration_filter: { comparison: { op: 'GE', value: { default_value: 900, runtime_key: 'never.set' } } } };
      const own = { access_log: [{ ...accessLog(c, TYPE), filter }] };
      return ofHttp(c, { access_log_flush_interval: '1s', flush_access_log_on_new_request: true }, own);
    },
    steps: [http('/', { status: 200 })],
    log: [{ type: 'DownstreamPeriodic' }, { type: 'DownstreamEnd' }],
  }),
  defineCase({
    name: 'a line as a tunnel stands',
    backends: { main: [{ raw: `${SWITCHED}hello`, early: true }] },
    resources: (c) => {
      const upgrades = { upgrade_configs: [{ upgrade_type: 'websocket' }] };
      return ofHttp(
        c,
        { flush_log_on_tunnel_successfully_established: true },
        { ...upgrades, ...only(c, 'DownstreamTunnelSuccessfullyEstablished') },
      );
    },
    steps: [raw([UPGRADE, { received: 'hello' }], { status: 101, received: 'hello' })],
    log: [{ type: 'DownstreamTunnelSuccessfullyEstablished', code: 101 }],
  }),
  defineCase({
    name: 'the older place of the settings',
    resources: (c) => {
      const own = { ...typed(c), flush_access_log_on_new_request: true };
      return { listeners: [listener(c, [hcm(c, [to(c, 'main')], own)])], clusters: [cluster(c, 'main')] };
    },
    steps: [http('/', { status: 200 })],
    log: [{ type: 'DownstreamStart' }, { type: 'DownstreamEnd' }],
  }),
  defineCase({
    name: 'both places at once are refused',
    resources: (c) => ofHttp(c, { flush_access_log_on_new_request: true }),
    steps: [
      push((c) => ofHttp(c, { flush_access_log_on_new_request: true }, { flush_access_log_on_new_request: true }), { verdict: 'nack' }),
      http('/', { status: 200 }),
    ],
    log: [{ type: 'DownstreamStart' }, { type: 'DownstreamEnd' }],
  }),
  defineCase({
    name: 'bytes: a line as the upstream is connected',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ofBytes(c, { flush_access_log_on_connected: true }),
    steps: [tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'ended' })],
    log: [{ type: 'TcpUpstreamConnected' }, { type: 'TcpConnectionEnd', received: 5 }],
  }),
  defineCase({
    name: 'bytes: lines of a connection that stays',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ofBytes(c, { access_log_flush_interval: '1s' }),
    steps: [tcp(['hello', { received: 'hello' }, { pauseMs: 1_500 }, { fin: true }], { received: 'hello', connection: 'ended' })],
    log: [
      { type: 'TcpPeriodic', received: 5, sent: 5 },
      { type: 'TcpConnectionEnd', received: 5 },
    ],
  }),
];
