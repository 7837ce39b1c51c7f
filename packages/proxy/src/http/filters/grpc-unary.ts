import { MeshError } from '@meltemi/base';
import { loadCodec, type ProtoCodec } from '@meltemi/protos';
import type { GrpcService } from '@meltemi/runtime';
import type { Worker } from '../../core/worker.ts';
import { questionHeaders, sendAside, type SideOutcome } from '../side-request.ts';

/** A method of a gRPC service: its path, and the types of its two messages. */
export interface GrpcMethod {
  readonly path: string;
  readonly request: string;
  readonly response: string;
}

/** The answer in ProtoJSON form, or why there is none. */
export type GrpcAnswer = { readonly t: 'message'; readonly message: object } | { readonly t: 'failed'; readonly reason: string };

let codec: ProtoCodec | undefined;

/** Message types of the services that filters ask; loaded with the first question. */
function messages(): ProtoCodec {
  return (codec ??= loadCodec('sidecar'));
}

const PREFIX_BYTES = 5;

/**
 * One call of a gRPC service, over the connections of its cluster. `done` is called once, never before this returns. Answers what gives
 * the call up.
 */
export function callGrpc(
  worker: Worker,
  service: GrpcService,
  call: { readonly method: GrpcMethod; /** ProtoJSON, or the bytes themselves. */ readonly message: object },
  done: (answer: GrpcAnswer) => void,
): () => void {
  const { method, message } = call;
  const bytes = message instanceof Uint8Array ? message : encode(method.request, message);
  if (bytes === undefined) {
    const timer = worker.ports.timers.after(0, () => done({ t: 'failed', reason: 'the question cannot be put into words' }));
    return () => timer.cancel();
  }
  const body = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length);
  body[0] = 0;
  body.writeUInt32BE(bytes.length, 1);
  body.set(bytes, PREFIX_BYTES);
  const { cluster, authority, timeoutMs, metadata } = service;
  const headers: (readonly [string, string])[] = [
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ...(timeoutMs > 0 ? [['grpc-timeout', `${Math.ceil(timeoutMs)}m`] as const] : []),
    ...questionHeaders(timeoutMs),
    ...metadata.map(({ name, value }) => [name, value] as const),
  ];
  return sendAside(worker, { cluster, method: 'POST', authority, path: method.path, headers, body, length: 'needed', timeoutMs }, (outcome) =>
    done(readAnswer(outcome, method.response)),
  );
}

/** undefined = a value of the request that has no place in the message. */
function encode(type: string, message: object): Uint8Array | undefined {
  try {
    return messages().encode(type, message);
  } catch {
    return undefined;
  }
}

function readAnswer(outcome: SideOutcome, type: string): GrpcAnswer {
  if (outcome.t === 'failed') return { t: 'failed', reason: outcome.reason };
  const { status, headers, trailers, body } = outcome;
  if (status !== 200) return { t: 'failed', reason: `HTTP ${status}` };
  const code = [...trailers, ...headers].find(([name]) => name === 'grpc-status')?.[1];
  if (code !== '0') return { t: 'failed', reason: `grpc-status ${code ?? 'missing'}` };
  if (body.length < PREFIX_BYTES || body[0] !== 0 || body.readUInt32BE(1) !== body.length - PREFIX_BYTES)
    return { t: 'failed', reason: 'not one plain message' };
  try {
    return { t: 'message', message: messages().decode(type, body.subarray(PREFIX_BYTES)) };
  } catch (error) {
    return { t: 'failed', reason: MeshError.from(error, 'proxy/grpc-answer').message };
  }
}
