import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Channel, type ClientCall, Status } from '@meltemi/grpc';
import { TYPE_URL } from '@meltemi/protos-types';
import { decodeDeltaRequest, encodeDeltaResponse } from '@meltemi/xds';
import { createManualPlatform } from '../testing/manual-platform.ts';
import { createRelay } from './relay.ts';
import { startUpstream } from './upstream.ts';

type Listener = Parameters<Channel['stream']>[1];

/** A channel whose streams the test plays. */
function fakeChannel() {
  const streams: { readonly listener: Listener; readonly sent: string[]; cancelled: boolean }[] = [];
  const channel = {
    refresh: () => undefined,
    stream(_path: string, listener: Listener): ClientCall {
      const stream = { listener, sent: [] as string[], cancelled: false };
      streams.push(stream);
      return {
        write(message) {
          const { typeUrl, subscribe, initialVersions } = decodeDeltaRequest(message as Uint8Array);
          stream.sent.push(`${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${subscribe.join(' ')} ${[...initialVersions].join(' ')}`.trimEnd());
          return true;
        },
        onDrain: () => undefined,
        pause: () => undefined,
        resume: () => undefined,
        halfClose: () => undefined,
        cancel: () => void (stream.cancelled = true),
      };
    },
  } as unknown as Channel;
  return { channel, streams };
}

test('a stream that ends is opened again with back-off, with what is known; one that was replaced opens no other', async () => {
  const { channel, streams } = fakeChannel();
  const time = createManualPlatform(0, 1);
  const states: string[] = [];
  const relay = createRelay({ node: new Uint8Array(), isLocal: () => false, onWork: () => upstream?.flush() });
  let upstream: ReturnType<typeof startUpstream> | undefined = undefined;
  upstream = startUpstream({ channel, relay, platform: time.platform, onState: ({ t }) => states.push(t) });
  relay.subscribeOwn(TYPE_URL.cluster, ['*']);
  const [first] = streams;
  assert.deepEqual(first?.sent, ['Cluster']);
  const resources = [{ name: 'a', version: 'v7', bytes: Uint8Array.of() }];
  first?.listener.onMessage(Buffer.concat(encodeDeltaResponse({ typeUrl: TYPE_URL.cluster, nonce: '1', systemVersion: '', removed: [], resources })));
  assert.deepEqual(states, ['connected']);
  const lost = { code: Status.UNAVAILABLE, message: 'gone' };
  const delays: number[] = [];
  for (let attempt = 0; attempt < 7; attempt++) {
    streams.at(-1)?.listener.onEnd(lost, {});
    delays.push(await time.armed());
    time.fire();
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 2000, 2000]);
  assert.deepEqual(states, ['connected', 'away']);
  assert.deepEqual(streams.at(-1)?.sent, ['Cluster  a,v7']);

  const old = streams.at(-1);
  upstream.renew();
  assert.equal(old?.cancelled, true);
  assert.equal(streams.length, 9);
  old?.listener.onEnd({ code: Status.CANCELLED }, {});
  streams.at(-1)?.listener.onEnd(lost, {});
  old?.listener.onEnd({ code: Status.CANCELLED }, {});
  await time.armed();
  time.fire();
  assert.throws(() => time.fire(), /no timer/, 'one attempt, not one for each stream of before');
  assert.equal(streams.length, 10);
  upstream.close();
});

test('a message that cannot be read ends its stream, and another one is opened', async () => {
  const { channel, streams } = fakeChannel();
  const time = createManualPlatform(0, 1);
  const relay = createRelay({ node: new Uint8Array(), isLocal: () => false, onWork: () => undefined });
  const upstream = startUpstream({ channel, relay, platform: time.platform, onState: () => undefined });
  streams[0]?.listener.onMessage(Buffer.of(0x0a, 0xff));
  assert.equal(streams[0]?.cancelled, true);
  streams[0].listener.onEnd({ code: Status.CANCELLED }, {});
  await time.armed();
  time.fire();
  assert.throws(() => time.fire(), /no timer/);
  assert.equal(streams.length, 2);
  upstream.close();
});
