/** gRPC by `@grpc/grpc-js` through two hops of the embedded proxy: plaintext to the first, mutual TLS between them, plaintext to the server. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { loadCodec } from '@meltemi/protos';
import { createContext, type CaseContext } from '../parity/harness/context.ts';
import { createIdentities } from '../parity/harness/identities.ts';
import { startEmbedded, type Proxy } from '../parity/harness/proxies.ts';
import { accessLog, address, clientTls, cluster, hcm, HTTP2_UPSTREAM, listener, serverTls, to } from '../parity/resources.ts';
import { eventually } from '../testkit/load.ts';

const START_LIMIT_MS = 10_000;
const LARGE = 5_000_000;
const identity = (bytes: Buffer): Buffer => bytes;
const bytesOf = { requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity };

/** Messages are plain bytes. */
const SERVICE = {
  echo: { path: '/test.Echo/Echo', requestStream: false, responseStream: false, ...bytesOf },
  fail: { path: '/test.Echo/Fail', requestStream: false, responseStream: false, ...bytesOf },
  wait: { path: '/test.Echo/Wait', requestStream: false, responseStream: false, ...bytesOf },
  collect: { path: '/test.Echo/Collect', requestStream: true, responseStream: false, ...bytesOf },
  repeat: { path: '/test.Echo/Repeat', requestStream: false, responseStream: true, ...bytesOf },
  chat: { path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...bytesOf },
} as const;

/** What the server has seen of calls that were given up. */
const cancelled: string[] = [];

const handlers = {
  echo(call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>): void {
    const trailer = new grpc.Metadata();
    trailer.set('x-trailer', String(call.metadata.get('x-mine')[0] ?? ''));
    trailer.set('x-bytes-bin', Buffer.from([0, 1, 2, 255]));
    done(null, call.request, trailer);
  },
  fail(_call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>): void {
    done({ code: grpc.status.FAILED_PRECONDITION, details: 'not ready, 100 % sure: ä' });
  },
  wait(call: grpc.ServerUnaryCall<Buffer, Buffer>): void {
    call.on('cancelled', () => cancelled.push('wait'));
  },
  collect(call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>): void {
    let count = 0;
    call.on('data', (part: Buffer) => (count += part.length));
    call.on('end', () => done(null, Buffer.from(String(count))));
    call.on('error', () => {});
  },
  repeat(call: grpc.ServerWritableStream<Buffer, Buffer>): void {
    const count = Number(call.request.toString());
    for (let i = 0; i < count; i++) call.write(Buffer.from(`part ${i}`));
    call.end();
  },
  chat(call: grpc.ServerDuplexStream<Buffer, Buffer>): void {
    call.on('data', (part: Buffer) => call.write(Buffer.from(`re: ${part.toString()}`)));
    call.on('end', () => call.end());
    call.on('cancelled', () => cancelled.push('chat'));
    call.on('error', () => {});
  },
};

const EchoClient = grpc.makeGenericClientConstructor(SERVICE, 'Echo');

function configure(c: CaseContext): Parameters<Proxy['xds']['push']>[0] {
  const status = { access_log: [accessLog(c, { grpc: '%GRPC_STATUS_NUMBER%' })] };
  const inside = { spiffe: { san_type: 'URI', matcher: { prefix: 'spiffe://' } } };
  const heed = { timeout: '0s', max_stream_duration: { grpc_timeout_header_max: '0s' } };
  return {
    listeners: [
      listener(c, [hcm(c, [to(c, 'hop', { prefix: '/' }, heed)], status)]),
      listener(
        c,
        [],
        {
          filter_chains: [
            {
              filters: [hcm(c, [to(c, 'server', { prefix: '/' }, { timeout: '0s' })], status)],
              transport_socket: serverTls(c, 'server', { alpn: ['h2', 'http/1.1'], mutual: true }),
            },
          ],
        },
        'inner',
      ),
    ],
    clusters: [
      cluster(
        c,
        'hop',
        {
          ...HTTP2_UPSTREAM,
          transport_socket: clientTls(c, { identity: 'client', alpn: ['istio-h2', 'h2'], sans: [inside.spiffe] }),
          load_assignment: {
            cluster_name: c.name('hop'),
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(c.address, c.port('inner')) } }] }],
          },
        },
        [],
      ),
      cluster(c, 'server', HTTP2_UPSTREAM),
    ],
  };
}

type Call = (
  request: Buffer,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  done: (error: grpc.ServiceError | null, answer?: Buffer) => void,
) => grpc.ClientUnaryCall;

describe('gRPC through the proxy', () => {
  let server: grpc.Server;
  let proxy: Proxy;
  let client: grpc.Client & Record<string, unknown>;
  let c: CaseContext;

  before(async () => {
    server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(SERVICE, handlers);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error))),
    );
    proxy = await startEmbedded(loadCodec('all'), await createIdentities());
    c = createContext('grpc', proxy.place, new Map([['server', { host: '127.0.0.1', port }]]));
    assert.deepEqual(await proxy.xds.push(configure(c)), []);
    await eventually('both listeners listen', START_LIMIT_MS, async () => ((await proxy.listeners()).size === 2 ? true : undefined));
    client = connect();
  });

  after(async () => {
    client.close();
    server.forceShutdown();
    await proxy[Symbol.asyncDispose]();
  });

  function connect(options: grpc.ClientOptions = {}): typeof client {
    const target = `${c.address}:${c.port()}`;
    return new EchoClient(target, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      ...options,
    }) as unknown as typeof client;
  }

  interface Outcome {
    readonly error: grpc.ServiceError | null;
    readonly answer: Buffer | undefined;
    readonly status: grpc.StatusObject;
  }

  function unary(method: 'echo' | 'fail' | 'wait', request: Buffer, options: grpc.CallOptions = {}, on: typeof client = client): Promise<Outcome> {
    const metadata = new grpc.Metadata();
    metadata.set('x-mine', 'hello');
    return new Promise((resolve) => {
      let status: grpc.StatusObject | undefined;
      let outcome: Omit<Outcome, 'status'> | undefined;
      const settle = (): void => {
        if (status !== undefined && outcome !== undefined) resolve({ ...outcome, status });
      };
      const call = (on[method] as Call).call(on, request, metadata, options, (error, answer) => {
        outcome = { error, answer };
        settle();
      });
      call.on('status', (got) => {
        status = got;
        settle();
      });
    });
  }

  test('unary: empty, small, large; metadata and trailers, binary ones too', async () => {
    for (const request of [Buffer.alloc(0), Buffer.from('hi'), Buffer.alloc(LARGE, 'abc')]) {
      const { answer, status } = await unary('echo', request);
      assert.ok(answer?.equals(request), `${request.length} bytes`);
      assert.equal(status.code, grpc.status.OK);
      assert.deepEqual(status.metadata.get('x-trailer'), ['hello']);
      assert.deepEqual(status.metadata.get('x-bytes-bin'), [Buffer.from([0, 1, 2, 255])]);
    }
  });

  test('many calls at once on one connection', async () => {
    const outcomes = await Promise.all(Array.from({ length: 200 }, (_, i) => unary('echo', Buffer.from(`call ${i}`))));
    assert.deepEqual(
      outcomes.map(({ answer }) => answer?.toString()),
      Array.from({ length: 200 }, (_, i) => `call ${i}`),
    );
  });

  test('trailers-only: code and message of a failure', async () => {
    const { error } = await unary('fail', Buffer.from('x'));
    assert.equal(error?.code, grpc.status.FAILED_PRECONDITION);
    assert.equal(error.details, 'not ready, 100 % sure: ä');
  });

  test('client streaming', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const call = (client['collect'] as (done: (error: Error | null, answer?: Buffer) => void) => grpc.ClientWritableStream<Buffer>).call(
        client,
        (error, got) => (error === null ? resolve(String(got)) : reject(error)),
      );
      for (let i = 0; i < 100; i++) call.write(Buffer.alloc(30_000, 'x'));
      call.end();
    });
    assert.equal(answer, '3000000');
  });

  test('server streaming', async () => {
    const parts: string[] = [];
    const call = (client['repeat'] as (request: Buffer) => grpc.ClientReadableStream<Buffer>).call(client, Buffer.from('1000'));
    for await (const part of call) parts.push(String(part));
    assert.deepEqual(
      parts,
      Array.from({ length: 1000 }, (_, i) => `part ${i}`),
    );
  });

  test('bidirectional streaming, each message answered before the next', async () => {
    const call = (client['chat'] as () => grpc.ClientDuplexStream<Buffer, Buffer>).call(client);
    const answers: string[] = [];
    call.write(Buffer.from('0'));
    for await (const part of call) {
      answers.push(String(part));
      if (answers.length < 50) call.write(Buffer.from(String(answers.length)));
      else call.end();
    }
    assert.deepEqual(
      answers,
      Array.from({ length: 50 }, (_, i) => `re: ${i}`),
    );
  });

  test('cancelling reaches the server, and the connection goes on', async () => {
    const call = (client['chat'] as () => grpc.ClientDuplexStream<Buffer, Buffer>).call(client);
    call.on('error', () => {});
    call.write(Buffer.from('x'));
    await new Promise((resolve) => call.once('data', resolve));
    call.cancel();
    await eventually('the server hears of it', START_LIMIT_MS, async () => (cancelled.includes('chat') ? true : undefined));
    assert.equal((await unary('echo', Buffer.from('after'))).answer?.toString(), 'after');
  });

  test('a deadline of the caller ends the call here and at the server', async () => {
    const { error } = await unary('wait', Buffer.from('x'), { deadline: Date.now() + 300 });
    assert.equal(error?.code, grpc.status.DEADLINE_EXCEEDED);
    await eventually('the server hears of it', START_LIMIT_MS, async () => (cancelled.includes('wait') ? true : undefined));
  });

  test('compressed messages pass as they are', async () => {
    const gzip = connect({ 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
    const request = Buffer.alloc(200_000, 'compress me ');
    const { answer } = await unary('echo', request, {}, gzip);
    gzip.close();
    assert.ok(answer?.equals(request));
  });

  test('no upstream: UNAVAILABLE, with the reason', async () => {
    assert.deepEqual(await proxy.xds.push({ clusters: [cluster(c, 'server', { load_assignment: { cluster_name: c.name('server') } })] }), []);
    const failed = await eventually('the change is in force', START_LIMIT_MS, async () => {
      const { error } = await unary('echo', Buffer.from('x'));
      return error ?? undefined;
    });
    assert.equal(failed.code, grpc.status.UNAVAILABLE);
    assert.equal(failed.details, 'no healthy upstream');
  });
});
