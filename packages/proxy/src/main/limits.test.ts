import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitsOf, parseRuntime } from './limits.ts';

test('limits out of the environment, under the names of Envoy; what is no number is as if it were not there', () => {
  const runtime = parseRuntime(
    'overload.global_downstream_max_connections=1000, envoy.resource_limits.listener.0.0.0.0_8080.connection_limit=20,overload.max_memory_bytes=much',
  );
  const limits = limitsOf(runtime);
  assert.equal(limits.maxConnections, 1000);
  assert.deepEqual([...limits.listeners], [['0.0.0.0_8080', 20]]);
  assert.deepEqual(limitsOf(parseRuntime(undefined)).maxConnections, 50_000);
  assert.equal(limits.maxMemoryBytes, limitsOf({}).maxMemoryBytes);
  assert.deepEqual(
    ['500', '0', 'soon', undefined].map((text) => limitsOf(text === undefined ? {} : { 'overload.max_loop_lag_ms': text }).maxLoopLagMs),
    [500, Infinity, Infinity, Infinity],
  );
});
