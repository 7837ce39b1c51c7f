import type { Reply } from '../backend/script.ts';
import { defineCase, type ParityCase } from '../define.ts';
import { cluster, http1, HTTP2_UPSTREAM, to } from '../resources.ts';
import { http, http2, type Step } from '../steps.ts';

const GRPC = { 'content-type': 'application/grpc', te: 'trailers' };
const SILENT: readonly Reply[] = [{ silent: true }];

/** The answer comes after so long. */
const late = (delayMs: number): readonly Reply[] => [
  { delayMs, headers: { 'content-type': 'application/grpc' }, body: 'late', trailers: { 'grpc-status': '0' } },
];

interface Deadline {
  readonly action: object;
  readonly options?: object;
  readonly replies?: readonly Reply[];
  readonly steps: readonly Step[];
  readonly random?: readonly string[];
}

function deadline(name: string, { action, options = {}, replies = SILENT, steps, random = [] }: Deadline): ParityCase {
  return defineCase({
    name,
    random,
    backends: { main: { t: 'http2', replies } },
    resources: (c) => http1(c, [to(c, 'main', { prefix: '/' }, action)], options, [cluster(c, 'main', HTTP2_UPSTREAM)]),
    steps,
  });
}

const call = (timeout: string | undefined, expect: Parameters<typeof http2>[1], more: Readonly<Record<string, string>> = {}): Step =>
  http2({ method: 'POST', headers: { ...GRPC, ...(timeout === undefined ? {} : { 'grpc-timeout': timeout }), ...more }, body: 'q' }, expect);
const EXCEEDED = { status: 200, headers: { 'grpc-status': '4' } };
const ANSWERED = { status: 200, body: 'late' };
const life = (fields: object): object => ({ timeout: '0s', max_stream_duration: fields });

/** How long a call, a stream and a try may take. */
export const cases = [
  deadline('gRPC: the caller says how long, without a limit', { action: life({ grpc_timeout_header_max: '0s' }), steps: [call('150m', EXCEEDED)] }),
  deadline('gRPC: no longer than the route allows', { action: life({ grpc_timeout_header_max: '0.15s' }), steps: [call('10S', EXCEEDED)] }),
  deadline('gRPC: every unit', {
    action: life({ grpc_timeout_header_max: '0.15s' }),
    steps: [call('1H', EXCEEDED), call('1M', EXCEEDED), call('150000u', EXCEEDED), call('90000000n', EXCEEDED)],
  }),
  deadline('gRPC: a deadline that is none does not count', {
    action: life({ grpc_timeout_header_max: '0s', max_stream_duration: '0.15s' }),
    steps: [call('soon', {}), call('123456789m', {}), call(undefined, {})],
  }),
  deadline('gRPC: the offset leaves time for the way back', {
    action: life({ grpc_timeout_header_max: '0s', grpc_timeout_header_offset: '0.3s' }),
    replies: late(250),
    steps: [call('450m', EXCEEDED)],
  }),
  deadline('gRPC: an offset that is longer than the deadline leaves nothing', {
    action: life({ grpc_timeout_header_max: '0s', grpc_timeout_header_offset: '5s' }),
    steps: [call('2S', EXCEEDED)],
    // Whether the upstream hears of it before its end.
    random: ['*.backend'],
  }),
  deadline('gRPC: the older field', { action: { max_grpc_timeout: '0.15s' }, steps: [call('10S', {}), call(undefined, {})] }),
  deadline('gRPC: the older field without a limit', { action: { timeout: '0s', max_grpc_timeout: '0s' }, steps: [call('150m', {})] }),
  deadline('gRPC: the older field with its offset', {
    action: { timeout: '0s', max_grpc_timeout: '0s', grpc_timeout_offset: '0.3s' },
    replies: late(250),
    steps: [call('450m', {})],
  }),
  deadline('gRPC: the header says nothing where no route heeds it', { action: { timeout: '0.15s' }, steps: [call('10S', {})] }),
  deadline('the life of a stream on its route', { action: life({ max_stream_duration: '0.15s' }), steps: [http('/', {}), http2({}, {})] }),
  deadline('the life of a stream of the connection manager', {
    action: { timeout: '0s' },
    options: { common_http_protocol_options: { max_stream_duration: '0.15s' } },
    steps: [http('/', {}), http2({}, {})],
  }),
  deadline('the route says that a stream may live on', {
    action: { timeout: '0s', max_stream_duration: { max_stream_duration: '0s' } },
    options: { common_http_protocol_options: { max_stream_duration: '0.1s' } },
    replies: late(250),
    steps: [call(undefined, ANSWERED)],
  }),
  defineCase({
    name: 'a try that is idle is given up for another one',
    backends: { main: { t: 'http2', replies: [{ silent: true }, { body: 'second' }] } },
    resources: (c) =>
      http1(
        c,
        [to(c, 'main', { prefix: '/' }, { timeout: '0s', retry_policy: { retry_on: '5xx', num_retries: 1, per_try_idle_timeout: '0.15s' } })],
        {},
        [cluster(c, 'main', HTTP2_UPSTREAM)],
      ),
    steps: [http('/', { status: 200, body: 'second' })],
    log: [{ code: 200, attempts: 2 }],
  }),
];
