import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { createChannel } from './channel.ts';
import { createGrpcServer } from './server.ts';
import { unaryMethod, type MethodHandler } from './server-call.ts';
import { Status, type GrpcStatus } from './status.ts';

const raw = { serialize: (value: Buffer) => value, deserialize: (bytes: Buffer) => bytes };

const ours: Record<string, MethodHandler> = {
  '/t.T/Upper': unaryMethod((request, call) => Buffer.from(`${Buffer.from(request).toString().toUpperCase()} ${call.metadata['who']}`)),
  '/t.T/Echo': (call) => ({
    onMessage: (message) => void call.write(message),
    onHalfClose: () => call.end({ code: Status.ABORTED, message: 'genug – ende' }),
  }),
};

test('grpc-js as the client of our server', async () => {
  await using server = createGrpcServer({ methods: ours });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  try {
    const metadata = new grpc.Metadata();
    metadata.set('who', 'me');
    const answer = await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest('/t.T/Upper', raw.serialize, raw.deserialize, Buffer.from('abc'), metadata, (error, value) =>
        error === null ? resolve(value!) : reject(error),
      );
    });
    assert.equal(answer.toString(), 'ABC me');
    const stream = client.makeBidiStreamRequest('/t.T/Echo', raw.serialize, raw.deserialize);
    const big = Buffer.alloc(3_000_000, 7);
    const received: number[] = [];
    stream.on('data', (message: Buffer) => received.push(message.length));
    stream.on('error', () => {});
    stream.write(big);
    stream.write(Buffer.from('x'));
    stream.end();
    const status = await new Promise<grpc.StatusObject>((resolve) => stream.on('status', resolve));
    assert.deepEqual(received, [3_000_000, 1]);
    assert.equal(status.code, grpc.status.ABORTED);
    assert.equal(status.details, 'genug – ende');
    const missing = await new Promise<grpc.ServiceError | null>((resolve) => {
      client.makeUnaryRequest('/t.T/None', raw.serialize, raw.deserialize, Buffer.from(''), (error) => resolve(error));
    });
    assert.equal(missing?.code, grpc.status.UNIMPLEMENTED);
  } finally {
    client.close();
  }
});

test('grpc-js as the server of our client', async () => {
  const server = new grpc.Server();
  const method = (path: string, stream: boolean) => ({
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: raw.serialize,
    requestDeserialize: raw.deserialize,
    responseSerialize: raw.serialize,
    responseDeserialize: raw.deserialize,
  });
  server.addService({ upper: method('/t.T/Upper', false), echo: method('/t.T/Echo', true) } as never, {
    upper(call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      if (call.request.length === 0) done({ code: grpc.status.NOT_FOUND, details: 'leer' });
      else done(null, Buffer.from(call.request.toString().toUpperCase()));
    },
    echo(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  await using channel = createChannel({ target: { host: '127.0.0.1', port } });
  try {
    assert.equal(Buffer.from(await channel.unary('/t.T/Upper', Buffer.from('abc'))).toString(), 'ABC');
    await assert.rejects(channel.unary('/t.T/Upper', new Uint8Array(0)), { code: 'grpc/not-found', message: 'leer' });
    const received: number[] = [];
    const ended = new Promise<GrpcStatus>((resolve) => {
      const call = channel.stream('/t.T/Echo', { onMessage: (message) => void received.push(message.length), onEnd: resolve });
      call.write(new Uint8Array(3_000_000));
      call.write(Buffer.from('x'));
      call.halfClose();
    });
    assert.equal((await ended).code, Status.OK);
    assert.deepEqual(received, [3_000_000, 1]);
  } finally {
    server.forceShutdown();
  }
});
