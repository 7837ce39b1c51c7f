import { defineCase } from '../define.ts';
import { accessLog, cluster, direct, hcm, listener, serverTls, tcpProxy, TLS_INSPECTOR } from '../resources.ts';
import { http, raw, tcp } from '../steps.ts';
import type { CaseContext } from '../harness/context.ts';

const FIELDS = { type: '%ACCESS_LOG_TYPE%', remote: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', local: '%DOWNSTREAM_LOCAL_ADDRESS%' };
/** Without a log of its own. */
const quiet = { access_log: [] };
const only = (c: CaseContext, flag: string): object => ({ ...accessLog(c, FIELDS), filter: { response_flag_filter: { flags: [flag] } } });

/** What listeners log of their connections. */
export const cases = [
  defineCase({
    name: 'a connection of HTTP has one line, at its end',
    resources: (c) => ({ listeners: [listener(c, [hcm(c, [direct('ok')], quiet)], { access_log: [accessLog(c, FIELDS)] })] }),
    steps: [
      raw(
        'GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
        { responses: [{}, {}] },
        { methods: ['GET', 'GET'] },
      ),
    ],
    log: [{ remote: '127.0.0.1', local: '<listener main>' }],
  }),
  defineCase({
    name: 'a connection of bytes has one line, with what its proxy knows',
    backends: { main: { t: 'tcp', tcp: { echo: true } } },
    resources: (c) => ({
      listeners: [listener(c, [tcpProxy(c, 'main', quiet)], { access_log: [accessLog(c, FIELDS)] })],
      clusters: [cluster(c, 'main')],
    }),
    steps: [tcp(['hello', { received: 'hello' }, { fin: true }], { received: 'hello', connection: 'ended' })],
    log: [{ received: 5, sent: 5, upstream: '<backend main>' }],
  }),
  defineCase({
    name: 'a connection that no chain is for',
    resources: (c) => {
      const chain = {
        filter_chain_match: { server_names: ['only.test'] },
        transport_socket: serverTls(c, 'server'),
        filters: [hcm(c, [direct('ok')], quiet)],
      };
      return { listeners: [listener(c, [], { listener_filters: [TLS_INSPECTOR], filter_chains: [chain], access_log: [only(c, 'NR')] })] };
    },
    steps: [http('/', { tls: { refused: true } }, { tls: { sni: 'other.test' } }), http('/', { status: 200 }, { tls: { sni: 'only.test' } })],
    log: [{ flags: 'NR', sni: 'other.test' }],
  }),
];
