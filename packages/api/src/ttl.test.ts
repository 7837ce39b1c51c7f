import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiresAtMs, expiryFault, timeMs } from './ttl.ts';

test('times are those of the platform', () => {
  for (const text of ['1970-01-01T00:00:00Z', '2000-02-29T23:59:59Z', '2026-11-21T21:45:00Z', '2100-03-01T00:00:00.250Z', '1969-12-31T23:59:59Z'])
    assert.equal(timeMs(text), Date.parse(text), text);
  for (const text of ['', 'tomorrow', '2026-13-01T00:00:00Z', '2026-11-21 21:45:00', '2026-11-21T21:45:00+01:00'])
    assert.equal(timeMs(text), undefined);
});

test('when an object ends', () => {
  const creationTimestamp = '2026-01-01T00:00:00Z';
  const begun = Date.parse(creationTimestamp);
  assert.equal(expiresAtMs({ annotations: {}, creationTimestamp }), undefined);
  assert.equal(expiresAtMs({ annotations: { 'meltemi.io/ttl': '1m30s' }, creationTimestamp }), begun + 90_000);
  assert.equal(
    expiresAtMs({ annotations: { 'meltemi.io/ttl': '1s', 'meltemi.io/expires': '2026-01-01T01:00:00Z' }, creationTimestamp }),
    begun + 3_600_000,
  );
});

test('what is refused', () => {
  assert.equal(expiryFault('VirtualService', { annotations: { 'meltemi.io/ttl': '30s' } }), undefined);
  assert.match(expiryFault('VirtualService', { annotations: { 'meltemi.io/ttl': 'soon' } })?.message ?? '', /found "soon"/);
  assert.match(expiryFault('VirtualService', { annotations: { 'meltemi.io/expires': 'soon' } })?.message ?? '', /found "soon"/);
  assert.match(expiryFault('Gateway', { annotations: { 'meltemi.io/ttl': '30s' } })?.message ?? '', /only a VirtualService/);
});
