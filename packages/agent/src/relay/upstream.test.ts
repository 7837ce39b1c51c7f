import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Channel, type ClientCall, Status } from '@meltemi/grpc';
import { TYPE_URL } from '@meltemi/protos-types';
import { decodeDeltaRequest, DIGEST_TYPE_URL, encodeDeltaResponse, type Resource } from '@meltemi/xds';
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

test('who came back with a digest and gets no answer to it says everything by name on another stream', async () => {
  const { channel, streams } = fakeChannel();
  const time = createManualPlatform(0, 1);
  let upstream: ReturnType<typeof startUpstream> | undefined = undefined;
  const relay = createRelay({ node: new Uint8Array(), isLocal: () => false, onWork: () => upstream?.flush() });
  upstream = startUpstream({ channel, relay, platform: time.platform, onState: () => undefined });
  relay.subscribeOwn(TYPE_URL.cluster, ['*']);
  const hear = (typeUrl: string, nonce: string, resources: readonly Resource[]): void =>
    streams.at(-1)?.listener.onMessage(Buffer.concat(encodeDeltaResponse({ typeUrl, nonce, systemVersion: '', removed: [], resources })));
  const again = async (): Promise<void> => {
    streams.at(-1)?.listener.onEnd({ code: Status.UNAVAILABLE }, {});
    await time.armed();
    time.fire();
  };
  hear(DIGEST_TYPE_URL, '', []);
  const clusters = Array.from({ length: 64 }, (_, i) => ({ name: `c${i}`, version: 'v1', bytes: Uint8Array.of() }));
  hear(TYPE_URL.cluster, '1', clusters);
  await again();
  assert.deepEqual(
    streams.at(-1)?.sent.map((request) => request.slice(0, 20)),
    ['Digest  type.googlea'],
  );
  // Answered: nothing is unequal.
  hear(DIGEST_TYPE_URL, '', [{ name: TYPE_URL.cluster, version: '0'.repeat(64), bytes: Uint8Array.of() }]);
  assert.equal(streams.at(-1)?.sent[1], 'Cluster');
  await again();
  assert.equal(await time.armed(), 30_000);
  time.fire();
  assert.equal(streams.at(-1)?.cancelled, true);
  await again();
  const [request = '', ...others] = streams.at(-1)?.sent ?? [];
  assert.ok(request.startsWith('Cluster  c0,v1 c1,v1') && others.length === 0, request);
  upstream.close();
});
