import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { Status, type ServerCall } from '@meltemi/grpc';
import type { ProtoCodec } from '@meltemi/protos';
import type { TelemetryAck, TelemetryBatch } from '@meltemi/telemetry';
import { openTelemetryStore } from '@meltemi/telemetry-store';
import { telemetryHandler } from './ingest-handler.ts';

/** Messages as JSON: what the handler decides does not hang on the wire format. */
const codec = {
  encode: (_: string, value: object) => Buffer.from(JSON.stringify(value)),
  decode: (_: string, bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as object,
} as unknown as ProtoCodec;

function callFrom(principal: string | undefined): { call: ServerCall; acks: TelemetryAck[]; ends: unknown[] } {
  const acks: TelemetryAck[] = [];
  const ends: unknown[] = [];
  const call = {
    peer: { principal },
    write: (bytes: Uint8Array) => acks.push(JSON.parse(Buffer.from(bytes).toString()) as TelemetryAck),
    end: (status: unknown) => ends.push(status),
  };
  return { call: call as unknown as ServerCall, acks, ends };
}

test('a workload that is registered a moment later comes again with everything it has', () => {
  let registered = false;
  const store = openTelemetryStore({ now: () => 1_800_000_000_000, log: silentLog, knowsWorkload: () => registered });
  const handler = telemetryHandler({ store, codec, trustDomain: 'cluster.local' });
  const batch: TelemetryBatch = {
    sequence: 1,
    time_ms: 1_800_000_000_000,
    node: { workload: 'reviews-v1', namespace: 'bookinfo' },
    series: [{ id: 1, name: 'x_total', labels: {} }],
    sample_ids: [1],
    sample_values: [7],
  };
  const send = (): ReturnType<typeof callFrom> => {
    const one = callFrom('spiffe://cluster.local/ns/bookinfo/sa/reviews');
    handler(one.call).onMessage(Buffer.from(JSON.stringify(batch)));
    return one;
  };
  const early = send();
  assert.deepEqual(early.acks, []);
  assert.deepEqual(early.ends, [{ code: Status.FAILED_PRECONDITION, message: 'no workload reviews-v1 of bookinfo runs as reviews' }]);
  registered = true;
  const later = send();
  assert.deepEqual([later.acks, later.ends], [[{ sequence: 1 }], []]);
  assert.deepEqual(store.metrics.labelValues('__name__'), ['x_total']);
  store.close();
});

test('without a certificate of the mesh nothing is taken', () => {
  const store = openTelemetryStore({ now: () => 0, log: silentLog });
  const { call, ends } = callFrom(undefined);
  telemetryHandler({ store, codec, trustDomain: 'cluster.local' })(call).onMessage(Buffer.from('{}'));
  assert.equal((ends[0] as { code: number }).code, Status.UNAUTHENTICATED);
  const foreign = callFrom('spiffe://elsewhere.example/ns/bookinfo/sa/reviews');
  telemetryHandler({ store, codec, trustDomain: 'cluster.local' })(foreign.call).onMessage(Buffer.from('{}'));
  assert.equal((foreign.ends[0] as { code: number }).code, Status.UNAUTHENTICATED);
  assert.equal(store.stats.series, 0);
  store.close();
});
