import { defineCase } from '../define.ts';
import { cluster, http1, to } from '../resources.ts';
import { http, http2, push } from '../steps.ts';

/** Fields of clusters that were replaced, and are still sent. */
export const cases = [
  defineCase({
    name: 'HTTP/2 to the upstream, as it was asked for once',
    backends: { main: { t: 'http2', replies: [{ body: 'main' }] } },
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { http2_protocol_options: { max_concurrent_streams: 10 } })]),
    steps: [http('/', { status: 200, body: 'main' }), http({ method: 'POST', body: 'x' }, { status: 200, backend: { body: 'x' } })],
  }),
  defineCase({
    name: 'no more requests on a connection, as it was asked for once',
    resources: (c) => http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { common_http_protocol_options: { max_requests_per_connection: 1 } })]),
    steps: [http('/', { status: 200 }), http('/', { status: 200 })],
  }),
  defineCase({
    name: 'the protocol of the client goes on to the backend, as it was asked for once',
    backends: { main: { t: 'http2', replies: [{ body: 'main' }] } },
    resources: (c) =>
      http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { http2_protocol_options: {}, protocol_selection: 'USE_DOWNSTREAM_PROTOCOL' })]),
    steps: [http2({}, { status: 200, body: 'main', backend: { target: '/' } })],
  }),
  defineCase({
    name: 'both ways at once: the newer one counts',
    steps: [
      push(
        (c) => ({
          clusters: [
            cluster(c, 'main', {
              http2_protocol_options: {},
              typed_extension_protocol_options: {
                'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                  '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
                  explicit_http_config: { http_protocol_options: {} },
                },
              },
            }),
          ],
        }),
        {},
      ),
      http('/', {}),
    ],
  }),
];
