/**
 * A gRPC application without any mesh library but gRPC's own xDS support: dials `xds:///<target>` and, for each `{ calls }` it is sent,
 * makes so many calls and tells how often each backend answered. A process of its own, for gRPC reads its bootstrap once per process.
 */
import * as grpc from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';

register();
const raw = (bytes: Buffer): Buffer => bytes;
const client = new grpc.Client(`xds:///${process.argv[2] ?? ''}`, grpc.credentials.createInsecure());

function call(): Promise<string> {
  return new Promise((resolve) => {
    client.makeUnaryRequest('/echo.Echo/Who', raw, raw, Buffer.alloc(0), { deadline: Date.now() + 5_000 }, (error, answer) => {
      resolve(error === null ? (answer?.toString() ?? '') : `error ${error.code} ${error.details}`);
    });
  });
}

process.on('message', async ({ calls }: { calls: number }) => {
  const answers: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const who = await call();
    answers[who] = (answers[who] ?? 0) + 1;
  }
  process.send?.(answers);
});
process.on('disconnect', () => process.exit(0));
