import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import type { Channel, ClientListener } from '@meltemi/grpc';
import { loadCodec } from '@meltemi/protos';
import { createBatchEncoder, createMetricRegistry } from '@meltemi/telemetry/recording';
import { createFakeTime } from '../testing/fake-time.ts';
import { startReporter } from './reporter.ts';

test('a stream that ends while it is full is followed by another one', async () => {
  const time = createFakeTime();
  const opened: { readonly listener: ClientListener; batches: number }[] = [];
  const channel: Pick<Channel, 'stream'> = {
    stream(_path, listener) {
      const call = { listener, batches: 0 };
      opened.push(call);
      // As a call does: full at once, and it never drains after its end.
      const write = (): boolean => {
        call.batches++;
        return false;
      };
      return { write, onDrain() {}, pause() {}, resume() {}, halfClose() {}, cancel() {} };
    },
  };
  const reporter = startReporter({
    channel: channel as Channel,
    codec: loadCodec('sidecar'),
    encoder: createBatchEncoder({
      registry: createMetricRegistry(),
      node: { workload: 'w', namespace: 'n', app: 'w', version: 'v1', instance: 'w.n', address: '127.0.0.1', component: 'proxy' },
    }),
    beforeBatch: () => undefined,
    clock: time.clock,
    timers: time.timers,
    random: { next: () => 0 },
    log: silentLog,
  });
  const seconds = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      time.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await seconds(3);
  assert.deepEqual(
    opened.map(({ batches }) => batches),
    [1],
    'nothing more is written into a full stream',
  );
  opened[0]?.listener.onEnd({ code: 14, message: 'the control plane is gone' }, {});
  await seconds(2);
  assert.deepEqual(
    opened.map(({ batches }) => batches),
    [1, 1],
  );
  await reporter.close();
});
