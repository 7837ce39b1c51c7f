import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPeer, createMetricRegistry, writeExposition } from '@meltemi/telemetry/recording';
import { decodeLogMessage, type LogEntry } from './access-log-entry.ts';
import { NOBODY } from './clients.ts';
import { createRecorder } from './recorder.ts';

/** An entry that says nothing but that it is of a request. */
const [BLANK] = decodeLogMessage(Uint8Array.of(0x12, 2, 0x0a, 0)).entries;

test('what nobody serves is named after the cluster that leads nowhere, by its virtual host', () => {
  const registry = createMetricRegistry();
  const recorder = createRecorder({
    registry,
    local: NOBODY,
    principal: '',
    gateway: false,
    facts: { endpoint: () => undefined, services: () => [], autoMtls: () => false },
    clients: { peer: () => createPeer(0, NOBODY), refresh: () => undefined },
    now: () => 0,
  });
  const entry = { ...(BLANK as LogEntry), authority: 'example.com:80', responseCode: 502 };
  recorder.record({ ...entry, virtualHost: 'block_all' }, 'outbound');
  recorder.record({ ...entry, authority: 'of.somebody:80' }, 'outbound');
  const text = writeExposition(registry, 0);
  assert.match(text, /istio_requests_total\{[^}]*destination_service="example\.com"[^}]*destination_service_name="BlackHoleCluster"/);
  assert.match(text, /istio_requests_total\{[^}]*destination_service="of\.somebody"[^}]*destination_service_name="of\.somebody"/);
});
