import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileRetry } from './compile/retry.ts';
import type { AttemptEnd, CompiledRetry } from './compiled.ts';
import { request, routeTable } from './testing/samples.ts';

function policy(retry: object): CompiledRetry | undefined {
  const config = routeTable({
    name: 't',
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c', retry_policy: retry } }] }],
  });
  const action = config.virtualHosts[0]?.routes[0]?.action;
  if (action?.t !== 'forward' || action.retry === undefined) throw new Error('expected a retry policy');
  return compileRetry(action.retry);
}

const response = (status: number, headers: Readonly<Record<string, string>> = {}): AttemptEnd => ({
  t: 'response',
  status,
  header: (name) => headers[name],
});
const REFUSED: AttemptEnd = { t: 'connect-failure' };
const EARLY: AttemptEnd = { t: 'reset', requestSent: false };
const LATE: AttemptEnd = { t: 'reset', requestSent: true };

const CASES: readonly (readonly [on: string, end: AttemptEnd, retried: boolean])[] = [
  ['5xx', response(500), true],
  ['5xx', response(404), false],
  ['5xx', LATE, true],
  ['5xx', { t: 'per-try-timeout' }, true],
  ['5xx', { t: 'overflow' }, false],
  ['5xx', response(503, { 'x-envoy-ratelimited': 'true' }), false],
  ['envoy-ratelimited', response(429, { 'x-envoy-ratelimited': 'true' }), true],
  ['gateway-error', response(500), false],
  ['gateway-error', response(503), true],
  ['retriable-4xx', response(409), true],
  ['connect-failure', REFUSED, true],
  ['connect-failure', LATE, false],
  ['reset-before-request', EARLY, true],
  ['reset-before-request', REFUSED, true],
  ['reset-before-request', LATE, false],
  ['reset', LATE, true],
  ['connect-failure,refused-stream,unavailable,cancelled', response(200, { 'grpc-status': '14' }), true],
  ['connect-failure,refused-stream,unavailable,cancelled', response(503), false],
  ['connect-failure,503', response(503), true],
  ['connect-failure,503', response(500), false],
];

for (const [on, end, retried] of CASES) {
  test(`retry_on "${on}" ${retried ? 'retries' : 'lets pass'} ${JSON.stringify(end)}`, () => {
    assert.equal(policy({ retry_on: on, num_retries: 2 })?.shouldRetry(end), retried);
  });
}

test('back-off doubles its window up to the limit', () => {
  const retry = policy({ retry_on: '5xx', num_retries: 9 });
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((count) => retry?.backOffMs(count, 1)),
    [25, 50, 100, 200, 250],
  );
  assert.equal(retry?.backOffMs(3, 0), 0);
});

test('no retries: no policy; request headers may be a condition', () => {
  assert.equal(policy({ num_retries: 3 }), undefined);
  const retry = policy({ retry_on: 'reset', retriable_request_headers: [{ name: 'x-idempotent', present_match: true }] });
  assert.equal(retry?.applies(request('/')), false);
  assert.equal(retry?.applies(request('/', 'a', { 'x-idempotent': '1' })), true);
  assert.equal(retry?.onResponses, false);
});
