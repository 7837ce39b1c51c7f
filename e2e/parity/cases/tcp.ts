import { defineCase } from '../define.ts';
import { cluster, listener, tcpProxy } from '../resources.ts';
import type { Resources } from '../resources.ts';
import type { CaseContext } from '../harness/context.ts';
import { count, tcp, together } from '../steps.ts';

/** One TCP listener to `main`. */
function plain(c: CaseContext, options: Readonly<Record<string, unknown>> = {}, more: Readonly<Record<string, unknown>> = {}): Resources {
  return { listeners: [listener(c, [tcpProxy(c, 'main', options)])], clusters: c.backends().map((name) => cluster(c, name, more)) };
}

const ECHO = { t: 'tcp', tcp: { echo: true } } as const;

/** Bytes through the TCP proxy. */
export const cases = [
  defineCase({
    name: 'bytes go both ways',
    backends: { main: ECHO },
    resources: (c) => plain(c),
    steps: [
      tcp(['one', { received: 'one' }, 'two', { received: 'two' }, { fin: true }], {
        received: 'onetwo',
        connection: 'closed',
        backend: { body: 'onetwo', complete: true },
      }),
    ],
    log: [{ received: 6, sent: 6, flags: '-', upstream: '<backend main>', cluster: '<id>-main' }],
  }),
  defineCase({
    name: 'a server may speak first',
    backends: { main: { t: 'tcp', tcp: { greeting: '220 ready\r\n' } } },
    resources: (c) => plain(c),
    steps: [tcp([{ received: '220 ready' }, { fin: true }], { received: '220 ready\r\n', connection: 'closed' })],
    log: [{ received: 0, sent: 11 }],
  }),
  defineCase({
    name: '1 MB goes through whole',
    backends: { main: ECHO },
    resources: (c) => plain(c),
    steps: [
      tcp(['x'.repeat(1_000_000), { fin: true }], {
        received: 'x'.repeat(1_000_000),
        connection: 'closed',
        backend: { body: 'x'.repeat(1_000_000) },
      }),
    ],
    log: [{ received: 1_000_000, sent: 1_000_000 }],
  }),
  defineCase({
    name: 'half-closed by the client: the answer still comes',
    backends: { main: { t: 'tcp', tcp: { farewell: 'after the end' } } },
    resources: (c) => plain(c),
    steps: [tcp(['question', { fin: true }], { received: 'after the end', connection: 'closed', backend: { body: 'question', complete: true } })],
    log: [{ received: 8, sent: 13 }],
  }),
  defineCase({
    name: 'half-closed by the server: the rest still arrives there',
    backends: { main: { t: 'tcp', tcp: { greeting: 'bye', after: 'close' } } },
    resources: (c) => plain(c),
    steps: [tcp([{ received: 'bye' }, 'late words', { fin: true }], { received: 'bye', connection: 'ended', backend: { body: 'late words' } })],
    log: [{ received: 10, sent: 3 }],
  }),
  defineCase({
    name: 'a server that resets ends the connection',
    backends: { main: { t: 'tcp', tcp: { after: 'reset' } } },
    resources: (c) => plain(c),
    steps: [tcp(['hello'], { connection: 'ended' })],
  }),
  defineCase({
    name: 'a client that resets ends the connection at the server',
    backends: { main: ECHO },
    resources: (c) => plain(c),
    steps: [tcp(['hello', { received: 'hello' }, { reset: true }], { connection: 'reset', backend: { body: 'hello' } })],
    log: [{ received: 5, sent: 5 }],
  }),
  defineCase({
    name: 'nobody listens at the server: the connection ends, flag UF',
    backends: { main: { t: 'closed' } },
    resources: (c) => plain(c),
    steps: [tcp([], { received: '', connection: 'ended' })],
    log: [{ flags: /UF/, upstream: '<backend main>', failure: /refused/i }],
  }),
  defineCase({
    name: 'connecting is tried again as often as is said',
    backends: { main: { t: 'closed' } },
    resources: (c) => plain(c, { max_connect_attempts: 3 }),
    steps: [tcp([], { connection: 'ended' })],
    log: [{ flags: /URX/, attempts: 3 }],
  }),
  defineCase({
    name: 'a cluster without endpoints: flag UH',
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'empty')])],
      clusters: [{ name: c.name('empty'), type: 'STATIC', load_assignment: { cluster_name: c.name('empty') } }],
    }),
    steps: [tcp([], { received: '', connection: 'ended' })],
    log: [{ flags: 'UH', upstream: null }],
  }),
  defineCase({
    name: 'a cluster that is not there: flag NC',
    resources: (c) => ({ listeners: [listener(c, [tcpProxy(c, 'nobody')])] }),
    steps: [tcp([], { received: '', connection: 'ended' })],
    log: [{ flags: 'NC' }],
  }),
  defineCase({
    name: 'an idle connection ends after idle_timeout',
    backends: { main: ECHO },
    resources: (c) => plain(c, { idle_timeout: '1s' }),
    steps: [tcp(['hello', { received: 'hello' }], { received: 'hello', connection: 'ended', backend: { body: 'hello' } })],
    log: [{ received: 5, sent: 5 }],
  }),
  defineCase({
    name: 'a connection ends after max_downstream_connection_duration',
    backends: { main: ECHO },
    resources: (c) => plain(c, { max_downstream_connection_duration: '1s' }),
    steps: [tcp(['hello', { received: 'hello' }], { received: 'hello', connection: 'ended' })],
    log: [{ flags: 'DT' }],
  }),
  defineCase({
    name: 'weights share the connections',
    backends: { one: { t: 'tcp', tcp: { greeting: 'one', after: 'close' } }, two: { t: 'tcp', tcp: { greeting: 'two', after: 'close' } } },
    resources: (c) =>
      plain(c, {
        weighted_clusters: {
          clusters: [
            { name: c.name('one'), weight: 1 },
            { name: c.name('two'), weight: 1 },
          ],
        },
      }),
    // 60 fair draws stay within 10 and 50 but once in 10^7.
    steps: [count(60, tcp([], {}), { one: [10, 50], two: [10, 50] })],
  }),
  defineCase({
    name: 'more connections than max_connections overflow',
    backends: { main: ECHO },
    resources: (c) => plain(c, {}, { circuit_breakers: { thresholds: [{ max_connections: 1 }] } }),
    steps: [tcp(['a'], { received: 'a' }, { on: 'first', until: 'a' }), tcp([], { received: '', connection: 'ended' })],
    log: [{ flags: 'UO' }, {}],
    logOrder: 'any',
  }),
  defineCase({
    name: 'connections at the same time do not mix',
    backends: { main: ECHO },
    resources: (c) => plain(c),
    steps: [together(...Array.from({ length: 8 }, (_, i) => tcp([`text ${i}`, { fin: true }], { received: `text ${i}`, connection: 'closed' })))],
  }),
];
