import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '@meltemi/base';
import { type ServerCall, Status } from '@meltemi/grpc';
import { accessLogs } from './driver.ts';

test("an entry of Envoy's access log that cannot be read ends its stream and is logged", () => {
  const ends: (number | undefined)[] = [];
  const errors: string[] = [];
  const log = { ...silentLog, error: (message: string) => void errors.push(message) };
  const call = { end: (status?: { readonly code: number }) => void ends.push(status?.code) } as unknown as ServerCall;
  const listener = accessLogs({ record: () => undefined }, { log })(call);
  listener.onMessage(Buffer.of(0x0a, 0xff));
  assert.deepEqual([ends, errors.length], [[Status.INVALID_ARGUMENT], 1]);
});
