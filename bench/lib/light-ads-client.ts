import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { ProtoReader, WireType } from '@meltemi/base';
import { encodeDeltaRequest, type DeltaRequest } from '@meltemi/xds';

/** One delta response as far as a light client looks at it. */
export interface SeenResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly bytes: number;
  /** The whole message, for clients that keep it. */
  readonly message: Uint8Array | undefined;
}

export interface LightClientOptions {
  readonly port: number;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** The encoded node. */
  readonly node: Uint8Array;
  /** Whether whole messages are kept for `onResponse`: some clients read names, the others know them from those. */
  readonly keepsMessages: boolean;
  readonly onResponse: (response: SeenResponse) => void;
  readonly onClose: () => void;
}

/** A delta ADS stream of its own TLS connection that counts and acknowledges and does next to nothing else, so that many fit into one process. */
export interface LightClient {
  send(request: Partial<DeltaRequest> & { readonly typeUrl: string }): void;
  /** An encoded request, shared by many clients. */
  sendBytes(message: Uint8Array): void;
  close(): void;
}

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** Version, type and nonce stand before the resources in our responses. */
const HEAD_BYTES = 512;
const WINDOW_BYTES = 1024 * 1024;

export function encodeRequest(request: Partial<DeltaRequest> & { readonly typeUrl: string }): Uint8Array {
  return encodeDeltaRequest({ subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', ...request });
}

export function openLightClient(options: LightClientOptions): LightClient {
  const session: ClientHttp2Session = connect(`https://127.0.0.1:${options.port}`, {
    ...options.tls,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2'],
    settings: { initialWindowSize: WINDOW_BYTES },
  });
  let closed = false;
  let nodeSent = false;
  const over = (): void => {
    if (closed) return;
    closed = true;
    session.destroy();
    options.onClose();
  };
  session.on('error', over);
  session.on('close', over);
  session.once('connect', () => session.setLocalWindowSize(WINDOW_BYTES));
  const stream: ClientHttp2Stream = session.request({ ':method': 'POST', ':path': PATH, te: 'trailers', 'content-type': 'application/grpc+proto' });
  stream.on('error', over);
  stream.on('close', over);
  const sendBytes = (message: Uint8Array): void => {
    const frame = Buffer.allocUnsafe(5 + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, 5);
    stream.write(frame);
  };
  readMessages(stream, options.keepsMessages, (response) => {
    if (response.nonce !== '') sendBytes(encodeRequest({ typeUrl: response.typeUrl, nonce: response.nonce }));
    options.onResponse(response);
  });
  return {
    send(request) {
      sendBytes(encodeRequest(nodeSent ? request : { ...request, node: options.node }));
      nodeSent = true;
    },
    sendBytes,
    close() {
      closed = true;
      session.destroy();
    },
  };
}

/** Cuts the stream into gRPC messages; of those that are not kept only the head is looked at. */
function readMessages(stream: ClientHttp2Stream, keeps: boolean, take: (response: SeenResponse) => void): void {
  const prefix = Buffer.alloc(5);
  let prefixed = 0;
  let size = 0;
  let have = 0;
  let message = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      if (prefixed < 5) {
        prefix[prefixed++] = chunk[at++] ?? 0;
        if (prefixed < 5) continue;
        size = prefix.readUInt32BE(1);
        have = 0;
        message = Buffer.allocUnsafe(keeps ? size : Math.min(size, HEAD_BYTES));
        continue;
      }
      const taken = Math.min(size - have, chunk.length - at);
      if (have < message.length) chunk.copy(message, have, at, at + taken);
      have += taken;
      at += taken;
      if (have < size) continue;
      prefixed = 0;
      take({ ...headOf(message), bytes: size + 5, message: keeps ? message : undefined });
    }
  });
}

function headOf(message: Uint8Array): { readonly typeUrl: string; readonly nonce: string } {
  const reader = new ProtoReader(message);
  let typeUrl = '';
  let nonce = '';
  for (let tag = reader.tag(); tag !== 0 && (typeUrl === '' || nonce === ''); tag = reader.tag()) {
    if (tag === ((4 << 3) | WireType.bytes)) typeUrl = reader.string();
    else if (tag === ((5 << 3) | WireType.bytes)) nonce = reader.string();
    else reader.skip(tag);
  }
  return { typeUrl, nonce };
}
