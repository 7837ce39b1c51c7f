import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createChannel, createGrpcServer, type ServerCall, unaryMethod } from '@meltemi/grpc';
import { createProxyHandlers } from './proxy-handlers.ts';
import { createRelay } from './relay.ts';

const PING = '/test/Ping';
const ping = unaryMethod(() => new Uint8Array());
const REPORT = '/meltemi.telemetry.v1.TelemetryService/Report';
const MESSAGE = Buffer.alloc(64 * 1024, 7);
const MESSAGES = 400;

test('telemetry that the control plane does not take waits with the proxy, not in the agent', async () => {
  const begun = Promise.withResolvers<ServerCall>();
  const all = Promise.withResolvers<void>();
  let taken = 0;
  await using controlPlane = createGrpcServer({
    methods: {
      [REPORT](call) {
        call.pause();
        begun.resolve(call);
        return { onMessage: () => void (++taken === MESSAGES && all.resolve()) };
      },
      [PING]: ping,
    },
  });
  const { port } = await controlPlane.listen({ host: '127.0.0.1', port: 0 });
  await using toControlPlane = createChannel({ target: { host: '127.0.0.1', port } });
  const relay = createRelay({ node: new Uint8Array(), isLocal: () => false, onWork: () => undefined });
  const handlers = createProxyHandlers(
    () => relay,
    () => toControlPlane,
  );
  await using agent = createGrpcServer({ methods: { ...handlers.methods, [PING]: ping } });
  const bound = await agent.listen({ host: '127.0.0.1', port: 0 });
  await using toAgent = createChannel({ target: { host: '127.0.0.1', port: bound.port } });
  const call = toAgent.stream(REPORT, { onMessage: () => undefined, onEnd: () => undefined });
  let written = 0;
  const write = (): void => {
    while (written < MESSAGES) {
      written++;
      if (!call.write(MESSAGE)) return call.onDrain(write);
    }
  };
  /** Both connections have gone to and fro many times, and not one message more could be written. */
  const stuck = async (): Promise<void> => {
    for (let before = -1; before !== written;) {
      before = written;
      for (let at = 0; at < 20; at++) for (const channel of [toAgent, toControlPlane]) await channel.unary(PING, new Uint8Array());
    }
  };
  write();
  const paused = await begun.promise;
  await stuck();
  // Windows and buffers of two connections: no more, however much the proxy has to say.
  assert.ok(written > 0 && written * MESSAGE.length < 12 << 20, `${written} of ${MESSAGES} messages`);
  assert.ok(taken < written, 'some of them wait on the way');
  paused.resume();
  await all.promise;
  assert.equal(taken, MESSAGES);
  call.cancel();
});
