import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataPlaneOf, interceptionOf, parseLabels, parsePorts, readinessOf } from './workload-options.ts';

test('ports with and without a protocol', () => {
  assert.deepEqual(parsePorts(undefined), []);
  assert.deepEqual(parsePorts('9080, 5432:tcp,90:grpc'), [
    { number: 9080, protocol: 'http' },
    { number: 5432, protocol: 'tcp' },
    { number: 90, protocol: 'grpc' },
  ]);
  for (const wrong of ['0', '65536', 'x', '80:http,', '8.5']) assert.throws(() => parsePorts(wrong), /is not a port\. Examples: --port 9080/);
});

test('labels, data plane, interception and readiness', () => {
  assert.deepEqual(parseLabels('a=b,c='), { a: 'b', c: '' });
  for (const wrong of ['a', '=b', 'a=b=c', 'a=b,']) assert.throws(() => parseLabels(wrong), /is not of the form name=value/);
  assert.deepEqual([dataPlaneOf('envoy').t, dataPlaneOf(undefined).t], ['envoy', 'embedded']);
  assert.deepEqual([interceptionOf('ports'), interceptionOf('other')], ['ports', 'auto']);
  assert.deepEqual([readinessOf('/health'), readinessOf(undefined)], [{ readyPath: '/health' }, {}]);
});
