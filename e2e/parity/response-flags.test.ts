import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RESPONSE_FLAG_TABLE, type ResponseFlag } from '@meltemi/telemetry';
import type { ParityCase } from './define.ts';
import { loadTopics } from './harness/topics.ts';

/** When a flag is set, and what shows it; or why this proxy never sets it. */
type Occurrence =
  | {
      readonly when: string;
      /** `topic/name` of a case here; or a test's file and name. */ readonly shown: string | readonly [file: string, name: string];
    }
  | { readonly never: string };

const OCCURRENCES: Readonly<Record<ResponseFlag, Occurrence>> = {
  LH: {
    when: 'A health check that the proxy answers itself fails: it was told to (`POST /healthcheck/fail`), or a cluster has too few healthy hosts. 503.',
    shown: 'response-flags/LH: a health check finds too few healthy hosts',
  },
  UH: { when: 'The cluster has no host that may get traffic. 503 `no_healthy_upstream`.', shown: 'routing/a cluster without endpoints is 503 UH' },
  UT: { when: "The route's time-out, the one of a try, or its idle time is up. 504.", shown: 'http2/a route timeout over HTTP/2' },
  LR: {
    never:
      'A stream to an upstream that this proxy resets by itself has the flag of the reason: UT, SI, UMSDR, UPE, DC. The streams that Envoy resets with this flag are those of codec states that are errors of the protocol here (UPE).',
  },
  UR: {
    when: 'The upstream reset the stream (RST_STREAM, or a reset TCP connection). 503.',
    shown: 'http2/a reset of the upstream before its answer is 503 UR',
  },
  UF: {
    when: 'No connection could be made: refused, timed out, or the TLS handshake failed. 503.',
    shown: 'http1-connections/nobody listens at the backend: 503 UF',
  },
  UC: {
    when: 'The upstream closed the connection before its answer. 503.',
    shown: 'http1-connections/a backend that closes before it answers is 503 UC',
  },
  UO: {
    when: 'A circuit breaker is open: connections, waiting requests, requests or retries. 503 with `x-envoy-overloaded`.',
    shown: 'resilience/nobody may wait for a connection',
  },
  NR: { when: 'No route fits the request (404), or no filter chain the connection.', shown: 'header-matching/a header is equal' },
  DI: { when: 'The fault filter held the request back.', shown: 'faults/a request is delayed' },
  FI: { when: 'The fault filter answered.', shown: 'faults/a request is aborted' },
  RL: { when: 'A local or global rate limit is used up. 429.', shown: 'local-ratelimit/a bucket of two lets two requests pass' },
  UAEX: { when: 'The external authorization refused, or failed where failures refuse. 403.', shown: 'ext-authz/what the service refuses does not' },
  RLSE: {
    when: 'The rate limit service failed where that refuses (`failure_mode_deny`). 500.',
    shown: 'ratelimit-service/a service that fails refuses where it shall',
  },
  DC: {
    when: 'The client closed its connection before the response was whole.',
    shown: 'http1-connections/a client that goes away ends the request upstream',
  },
  URX: {
    when: 'The limit of retries, or of attempts to connect a TCP connection, is reached.',
    shown: 'timeouts-retries/the last answer stands when all tries are used up',
  },
  SI: {
    when: 'No byte has moved for the idle time of the stream. 408 while the request comes, else 504.',
    shown: 'http1-connections/a body that stalls is answered 408 after stream_idle_timeout',
  },
  IH: {
    when: 'A header that the router checks (`strict_check_headers`) has an invalid value. 400.',
    shown: 'response-flags/IH: a strictly checked header has an invalid value',
  },
  DPE: { when: 'The request breaks the rules of HTTP. 400, 431 or 501.', shown: 'http1-connections/HTTP/1.0 is refused when it is not allowed' },
  UMSDR: {
    when: 'The exchange has lived as long as its cluster allows (`max_stream_duration` of its protocol options). 504.',
    shown: 'response-flags/UMSDR: an exchange has lived as long as the cluster allows',
  },
  RFCF: { never: 'There is no cache filter: a configuration with one is refused.' },
  NFCF: { never: 'Filters come with their configuration: one that would come later (ECDS) is refused, and so no request waits for it.' },
  DT: {
    when: 'A TCP connection has lived as long as it may (`max_downstream_connection_duration`).',
    shown: 'tcp/a connection ends after max_downstream_connection_duration',
  },
  UPE: { when: 'The upstream broke the rules of HTTP. 502.', shown: 'http1-strictness/a response with a NUL is refused' },
  NC: { when: 'The route names a cluster that is not there. 503.', shown: 'routing/a route to an unknown cluster is 503 NC' },
  OM: {
    when: 'The process is short of memory, or later with its work than `overload.max_loop_lag_ms` allows: requests are shed. 503 `overload`.',
    shown: [
      'packages/proxy/src/core/overload.test.ts',
      'short of memory: requests are shed with flag OM, then connections are not taken, and all comes back',
    ],
  },
  DF: {
    when: 'The dynamic forward proxy could not resolve the name. 503 `dns_resolution_failure`.',
    shown: 'dynamic-forward-proxy/the host stands in a header of the request',
  },
  DO: { when: 'The endpoint set says that a share is dropped (`drop_overloads`). 503.', shown: 'response-flags/DO: a share is dropped' },
  DR: { when: 'The client reset its HTTP/2 stream.', shown: 'response-flags/DR: the client resets its stream' },
  UDO: { when: 'The endpoint set says that everything is dropped. 503.', shown: 'response-flags/UDO: everything is dropped' },
};

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'docs/reference/response-flags.md');

test('every response flag is shown by a test, or cannot occur', async () => {
  const cases: ReadonlyMap<string, ParityCase> = new Map(
    (await loadTopics()).flatMap((topic) => topic.cases.map((item) => [`${topic.name}/${item.name}`, item] as const)),
  );
  for (const [flag, occurrence] of Object.entries(OCCURRENCES)) {
    if ('never' in occurrence) continue;
    const { shown } = occurrence;
    if (typeof shown !== 'string') {
      const text = readFileSync(join(ROOT, shown[0]), 'utf8');
      assert.ok(text.includes(`test('${shown[1]}'`), `${flag}: ${shown.join(': ')}`);
      continue;
    }
    const lines = cases.get(shown)?.log;
    assert.ok(Array.isArray(lines), `${flag}: no case "${shown}" with lines of a log`);
    assert.ok(
      lines.some((line: Readonly<Record<string, unknown>>) => String(line['flags']).split(',').includes(flag)),
      `${flag}: "${shown}" does not show it`,
    );
  }
});

test('docs/reference/response-flags.md is what the table says', () => {
  const rows = RESPONSE_FLAG_TABLE.map(({ flag, long, meaning }) => {
    const occurrence = OCCURRENCES[flag];
    if ('never' in occurrence) return `| ${flag} | ${long} | ${meaning} | Never: ${occurrence.never} | – |`;
    const { shown } = occurrence;
    const named = typeof shown === 'string' ? `parity: ${shown}` : `${shown[0]}: ${shown[1]}`;
    return `| ${flag} | ${long} | ${meaning} | ${occurrence.when} | ${named} |`;
  });
  const page = `# Response flags

What \`%RESPONSE_FLAGS%\` (short) and \`%RESPONSE_FLAGS_LONG%\` say in access logs, and the label \`response_flags\` in metrics: Envoy's flags, in its order. \`%RESPONSE_CODE_DETAILS%\`
has more. Several flags are joined by commas; \`-\` is none. Both data planes set them in the same cases: the parity cases named here run on both.

| flag | long name | meaning | when | shown by |
|---|---|---|---|---|
${rows.join('\n')}
`;
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, 'utf8'), page, 'write it anew with MELTEMI_GOLDEN=write');
});
