// `grpc-echo.ts serve` answers calls at HOST:PORT; `grpc-echo.ts call SERVICE COUNT [stay]` makes calls to the service that the environment
// names (`STOCK_SERVICE_HOST`) and prints how they went, one line each; `stay`: it then waits to be ended.
import * as grpc from '@grpc/grpc-js';

const identity = (bytes: Buffer): Buffer => bytes;
const bytesOf = { requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity };
const SERVICE = {
  echo: { path: '/test.Echo/Echo', requestStream: false, responseStream: false, ...bytesOf },
  chat: { path: '/test.Echo/Chat', requestStream: true, responseStream: true, ...bytesOf },
} as const;

const [mode = '', service = '', count = '1', then = ''] = process.argv.slice(2);
if (mode === 'serve') serve();
else await call();

function serve(): void {
  const server = new grpc.Server();
  server.addService(SERVICE, {
    echo(request: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
      const caller = String(request.metadata.get('x-forwarded-client-cert')[0] ?? '');
      if (request.request.toString() === 'fail') done({ code: grpc.status.NOT_FOUND, details: 'no such thing' });
      else done(null, Buffer.from(`${request.request.toString()} ${/URI=(\S+)/.exec(caller)?.[1] ?? 'nobody'}`));
    },
    chat(stream: grpc.ServerDuplexStream<Buffer, Buffer>) {
      stream.on('data', (part: Buffer) => stream.write(part));
      stream.on('end', () => stream.end());
    },
  });
  const at = `${process.env['HOST'] ?? '0.0.0.0'}:${process.env['PORT'] ?? '9000'}`;
  server.bindAsync(at, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error !== null) throw error;
  });
  process.on('SIGTERM', () => server.forceShutdown());
}

async function call(): Promise<void> {
  const name = service.toUpperCase();
  const target = `${process.env[`${name}_SERVICE_HOST`] ?? service}:${process.env[`${name}_SERVICE_PORT`] ?? '9000'}`;
  const Client = grpc.makeGenericClientConstructor(SERVICE, 'Echo');
  const client = new Client(target, grpc.credentials.createInsecure()) as unknown as {
    echo(request: Buffer, options: grpc.CallOptions, done: (error: grpc.ServiceError | null, answer?: Buffer) => void): void;
    chat(): grpc.ClientDuplexStream<Buffer, Buffer>;
    close(): void;
  };
  const echo = (text: string): Promise<string> =>
    new Promise((resolve) => {
      client.echo(Buffer.from(text), { deadline: Date.now() + 20_000 }, (error, answer) =>
        resolve(error === null ? `OK ${String(answer)}` : `${grpc.status[error.code]} ${error.details}`),
      );
    });
  for (let i = 0; i < Number(count); i++) console.log(await echo(`call ${i}`));
  console.log(await echo('fail'));
  const chat = client.chat();
  const parts: string[] = [];
  chat.write(Buffer.from('a'));
  for await (const part of chat) {
    parts.push(String(part));
    if (parts.length < 3) chat.write(Buffer.from(String(parts.length)));
    else chat.end();
  }
  console.log(`CHAT ${parts.join(',')}`);
  client.close();
  if (then === 'stay') setInterval(() => {}, 1000);
}
