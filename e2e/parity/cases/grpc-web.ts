import type { BackendScript } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { chain, filter } from '../filters.ts';
import { cluster, http1, HTTP2_UPSTREAM, to } from '../resources.ts';
import { http, http2, type Step } from '../steps.ts';

const grpcWeb = filter('envoy.filters.http.grpc_web', 'filters.http.grpc_web.v3.GrpcWeb');
const hi = '\0\0\0\0\x02hi';
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
const trailers = (text: string): string => `\x80\0\0\0${String.fromCharCode(text.length)}${text}`;
const OK: BackendScript = {
  t: 'http2',
  replies: [{ headers: { 'content-type': 'application/grpc' }, body: hi, trailers: { 'grpc-status': '0', 'x-end': 'yes' } }],
};
const call = (type: string, body: string | readonly string[], headers: Readonly<Record<string, string>> = {}) => ({
  method: 'POST',
  path: '/pkg.Service/Method',
  headers: { 'content-type': type, ...headers },
  body,
});

function grpcWebCase(name: string, main: BackendScript, steps: readonly Step[]): ParityCase {
  return defineCase({
    name,
    backends: { main },
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/pkg' })], chain(c, [grpcWeb]), [cluster(c, 'main', 't' in main ? HTTP2_UPSTREAM : {})]),
    steps,
  });
}

/** gRPC as browsers speak it. */
export const cases = [
  grpcWebCase('a call becomes gRPC, and its trailers a piece of the body', OK, [
    http(call('application/grpc-web', hi), {
      status: 200,
      headers: { 'content-type': 'application/grpc-web+proto', 'content-length': null },
      backend: { body: hi, headers: { 'content-type': 'application/grpc', te: 'trailers', 'grpc-accept-encoding': 'identity' } },
    }),
    http2(call('application/grpc-web+proto', hi), { status: 200, headers: { 'content-type': 'application/grpc-web+proto' }, backend: { body: hi } }),
  ]),
  grpcWebCase('text is decoded, whatever its pieces, and is the answer where it is wanted', OK, [
    http(call('application/grpc-web-text', base64(hi), { accept: 'application/grpc-web-text' }), {
      status: 200,
      body: `${base64(hi)}${base64(trailers('grpc-status:0\r\nx-end:yes\r\n'))}`,
      headers: { 'content-type': 'application/grpc-web-text+proto' },
      backend: { body: hi },
    }),
    http(call('application/grpc-web-text+proto', ['AAA', 'AAAJ', 'oaQ==']), {
      status: 200,
      headers: { 'content-type': 'application/grpc-web+proto' },
      backend: { body: hi },
    }),
  ]),
  grpcWebCase(
    'each message is text of its own, in whatever pieces it comes',
    {
      t: 'http2',
      replies: [
        {
          headers: { 'content-type': 'application/grpc' },
          body: ['\0\0', '\0\0\x02h', `i${hi}${hi.slice(0, 6)}`, hi.slice(6), '\0\0\0\0\0'],
          trailers: { 'grpc-status': '0' },
        },
      ],
    },
    [
      http(call('application/grpc-web-text', base64(hi), { accept: 'application/grpc-web-text+proto' }), {
        status: 200,
        body: `${base64(hi)}${base64(hi)}${base64(hi)}${base64('\0\0\0\0\0')}${base64(trailers('grpc-status:0\r\n'))}`,
      }),
    ],
  ),
  grpcWebCase('what is no base64 is refused', OK, [
    http2(call('application/grpc-web-text', '!!!!'), { status: 400, headers: { 'grpc-status': '13' }, backend: null }),
  ]),
  grpcWebCase(
    'a body that is no gRPC is not passed on',
    { t: 'http2', replies: [{ status: 503, headers: { 'content-type': 'text/plain' }, body: 'busy' }] },
    [http2(call('application/grpc-web', hi), { status: 503, body: '', headers: { 'grpc-status': '14' } })],
  ),
  grpcWebCase(
    'an answer that is nothing but trailers stays a head',
    { t: 'http2', replies: [{ headers: { 'content-type': 'application/grpc', 'grpc-status': '5', 'grpc-message': 'no' } }] },
    [http(call('application/grpc-web', hi), { status: 200, headers: { 'content-type': 'application/grpc-web+proto', 'grpc-status': '5' } })],
  ),
  grpcWebCase("the proxy's own answers are those of gRPC-Web", OK, [
    http2(
      { ...call('application/grpc-web', hi), path: '/other' },
      { status: 404, headers: { 'content-type': 'application/grpc-web+proto' }, backend: null },
    ),
  ]),
  grpcWebCase(
    'an upstream of HTTP/1.1 gets chunks',
    [{ headers: { 'content-type': 'application/grpc' }, body: hi }],
    [http(call('application/grpc-web-text', base64(hi)), { status: 200, body: hi, backend: { body: hi, headers: { 'content-length': null } } })],
  ),
  grpcWebCase('what is not gRPC-Web passes as it is', OK, [
    http2(call('application/grpc', hi, { te: 'trailers' }), {
      status: 200,
      headers: { 'content-type': 'application/grpc' },
      trailers: { 'grpc-status': '0' },
    }),
    http2(call('text/plain', 'hi'), {
      status: 200,
      headers: { 'content-type': 'application/grpc' },
      backend: { headers: { 'content-type': 'text/plain' } },
    }),
  ]),
] as const;
