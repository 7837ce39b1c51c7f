import type { MeshConfig } from '@meltemi/model';
import { defineCase, type ParityCase } from '../define.ts';
import { http, istio } from '../istio.ts';
import { http as ask, http2, raw, tcp, type Step } from '../steps.ts';

/** A setting of MeshConfig, seen by clients of a gateway. */
function setting(name: string, mesh: Partial<MeshConfig>, steps: readonly Step[], more: Partial<ParityCase> = {}): ParityCase {
  return defineCase({
    name,
    resources: (c) => istio(c, http('- route: [{ destination: { host: $main } }]'), mesh),
    steps,
    ...more,
  });
}

const UNANSWERED = { log: 'not compared' } as const;

export const cases: readonly ParityCase[] = [
  setting('gatewayTopology.proxyProtocol: the address of the client is the one that is told', { gatewayProxyProtocol: true }, [
    raw(['PROXY TCP4 192.0.2.7 192.0.2.8 4711 80\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n', { responses: 1 }], {
      status: 200,
      backend: { headers: { 'x-forwarded-for': '192.0.2.7' } },
    }),
  ]),
  setting(
    'gatewayTopology.proxyProtocol: who does not speak it is not heard',
    { gatewayProxyProtocol: true },
    [raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n', { fin: true }], { responses: [], backend: null })],
    UNANSWERED,
  ),
  setting(
    'proxyHeaders.preserveHttp1HeaderCase: header names come as they were written',
    { preserveHeaderCase: true },
    [tcp(['GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', { received: 'end' }], { received: /X-MiXed: y/ })],
    // With its date and times.
    { ...UNANSWERED, random: ['0.received'], backends: { main: [{ raw: 'HTTP/1.1 200 OK\r\nX-MiXed: y\r\ncontent-length: 3\r\n\r\nend' }] } },
  ),
  setting(
    'connectionSettings.httpHeadersWithUnderscoresAction: REJECT_REQUEST',
    {
      connections: { httpHeadersWithUnderscoresAction: 'HEADERS_WITH_UNDERSCORES_REJECT_REQUEST' },
    },
    [ask({ headers: { a_b: 'c' } }, { status: 400, backend: null })],
    UNANSWERED,
  ),
  setting(
    'connectionSettings.httpHeadersWithUnderscoresAction: DROP_HEADER',
    {
      connections: { httpHeadersWithUnderscoresAction: 'HEADERS_WITH_UNDERSCORES_DROP_HEADER' },
    },
    [ask({ headers: { a_b: 'c' } }, { status: 200, backend: { headers: { a_b: null } } })],
  ),
  setting('connectionSettings.httpMergeSlashes', { connections: { httpMergeSlashes: true } }, [
    ask('/a//b///c', { status: 200, backend: { target: '/a/b/c' } }),
  ]),
  setting(
    'connectionSettings.httpPathWithEscapedSlashesAction: UNESCAPE_AND_REDIRECT',
    {
      connections: { httpPathWithEscapedSlashesAction: 'UNESCAPE_AND_REDIRECT' },
    },
    [ask('/a%2Fb', { status: 307, headers: { location: '/a/b' }, backend: null })],
  ),
  setting(
    'connectionSettings.httpPathWithEscapedSlashesAction: REJECT_REQUEST',
    {
      connections: { httpPathWithEscapedSlashesAction: 'REJECT_REQUEST' },
    },
    [ask('/a%2Fb', { status: 400, backend: null })],
    UNANSWERED,
  ),
  setting(
    'connectionSettings.httpRequestHeadersTimeout',
    { connections: { httpRequestHeadersTimeout: '0.2s' } },
    [raw(['GET / HTTP/1.1\r\nhost:', { responses: 1 }], { status: 408, backend: null })],
    UNANSWERED,
  ),
  setting(
    'connectionSettings.httpRequestTimeout',
    { connections: { httpRequestTimeout: '0.2s' } },
    [raw(['POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc', { responses: 1 }], { status: 408 })],
    UNANSWERED,
  ),
  setting('connectionSettings.httpStreamIdleTimeout', { connections: { httpStreamIdleTimeout: '0.2s' } }, [ask('/', { status: 504 })], {
    ...UNANSWERED,
    backends: { main: [{ gate: 'never', body: 'x' }] },
  }),
  setting('connectionSettings.httpMaxStreamDuration', { connections: { httpMaxStreamDuration: '0.2s' } }, [ask('/', { status: 504 })], {
    ...UNANSWERED,
    backends: { main: [{ gate: 'never', body: 'x' }] },
  }),
  setting('connectionSettings.httpIdleTimeout closes', { connections: { httpIdleTimeout: '0.2s' } }, [
    raw(['GET / HTTP/1.1\r\nhost: a\r\n\r\n', { responses: 1 }, { fin: true }], { status: 200 }),
  ]),
  setting(
    'connectionSettings.profile EDGE on a gateway',
    { connections: { profile: 'EDGE' } },
    [
      ask({ path: '/a//b' }, { status: 200, backend: { target: '/a/b' } }),
      ask({ headers: { a_b: 'c' } }, { status: 400, backend: null }),
      http2({ path: '/x%5Cy' }, { status: 307, backend: null }),
    ],
    UNANSWERED,
  ),
];
