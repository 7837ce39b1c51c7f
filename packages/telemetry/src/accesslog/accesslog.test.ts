import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatUtc, parseUtc } from '../utc.ts';
import type { AccessLogEntry } from './entry.ts';
import { parseAccessLogLine } from './parse.ts';

const entry: AccessLogEntry = {
  startTimeMs: Date.UTC(2026, 10, 21, 9, 30, 0, 123),
  method: 'GET',
  path: '/productpage?u=a b',
  protocol: 'HTTP/1.1',
  responseCode: 200,
  responseFlags: undefined,
  responseCodeDetails: 'via_upstream',
  connectionTerminationDetails: undefined,
  upstreamTransportFailureReason: undefined,
  bytesReceived: 0,
  bytesSent: 5183,
  durationMs: 41,
  upstreamServiceTime: '40',
  forwardedFor: '10.0.0.1,10.0.0.2',
  userAgent: 'curl/8.0 (x)',
  requestId: 'a-b',
  authority: 'bookinfo.example',
  upstreamHost: '10.0.0.9:9080',
  upstreamCluster: 'outbound|9080||productpage.bookinfo.svc.cluster.local',
  upstreamLocalAddress: '10.0.0.2:41000',
  downstreamLocalAddress: '10.0.0.2:8080',
  downstreamRemoteAddress: '10.0.0.1:5000',
  requestedServerName: undefined,
  routeName: 'default',
};

const TEXT =
  '[2026-11-21T09:30:00.123Z] "GET /productpage?u=a b HTTP/1.1" 200 - via_upstream - "-" 0 5183 41 40 "10.0.0.1,10.0.0.2" "curl/8.0 (x)" "a-b" "bookinfo.example" "10.0.0.9:9080" outbound|9080||productpage.bookinfo.svc.cluster.local 10.0.0.2:41000 10.0.0.2:8080 10.0.0.1:5000 - default\n';

test("lines of Istio's default text format and of its JSON format", () => {
  assert.deepEqual(parseAccessLogLine(TEXT), entry);
  const { startTimeMs, durationMs: duration, forwardedFor, ...rest } = entry;
  const record = {
    start_time: formatUtc(startTimeMs),
    duration,
    x_forwarded_for: forwardedFor,
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value ?? null])),
  };
  assert.deepEqual(parseAccessLogLine(JSON.stringify(record)), entry);
  assert.equal(parseAccessLogLine('GET /health 200'), undefined);
  const tcp = '[1970-01-01T00:00:00.000Z] "- - -" 0 - - - "-" 1 2 3 - "-" "-" "-" "-" "-" - - - - - -';
  assert.equal(parseAccessLogLine(tcp)?.bytesSent, 2);
});

test('any line is an entry or none, soon', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (line) => void parseAccessLogLine(line)));
  const started = performance.now();
  parseAccessLogLine(`${TEXT.slice(0, 40)}${' "'.repeat(8000)}`);
  assert.ok(performance.now() - started < 1000);
});

test('times are those of the host', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(1900, 0), max: Date.UTC(2200, 0) }), (ms) => {
      assert.equal(formatUtc(ms), new Date(ms).toISOString());
      assert.equal(parseUtc(formatUtc(ms)), ms);
    }),
  );
  assert.equal(parseUtc('2026-02-01T00:30:00+01:00'), Date.UTC(2026, 0, 31, 23, 30));
  assert.equal(parseUtc('yesterday'), undefined);
});
