import type { Socket } from 'node:net';
import type { CompiledListener } from '@meltemi/runtime';
import { createDeadline, type TimerWheel } from '../core/timer-wheel.ts';
import { MAX_HELLO_BYTES, readClientHello } from './client-hello.ts';
import { sniffHttp } from './http-sniff.ts';

/** What the listener filters found out. */
export interface Sniffed {
  readonly transportProtocol: 'tls' | 'raw_buffer';
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
}

/** `bytes` were read already and are still to be handled. */
export type SniffResult =
  | { readonly t: 'known'; readonly sniffed: Sniffed; readonly bytes: Buffer | undefined }
  | { readonly t: 'closed'; readonly reason: string };

const PLAIN: Sniffed = { transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };

/** Decides as soon as the bytes allow; undefined = more are needed. */
function judge(bytes: Uint8Array, length: number, wantHttp: boolean): Sniffed | undefined {
  const hello = readClientHello(bytes, length);
  if (hello.t === 'more') return undefined;
  if (hello.t === 'tls') return { transportProtocol: 'tls', serverName: hello.serverName, applicationProtocols: hello.alpn };
  if (!wantHttp) return PLAIN;
  const protocol = sniffHttp(bytes, length);
  if (protocol === 'more') return undefined;
  return protocol === '' ? PLAIN : { ...PLAIN, applicationProtocols: [protocol] };
}

/** Reads the first bytes of a connection, no more of them and no longer than the listener says, and tells what they are. */
export function sniff(socket: Socket, listener: CompiledListener, wheel: TimerWheel, done: (result: SniffResult) => void): void {
  const { listenerFiltersTimeoutMs, continueOnTimeout } = listener.config;
  let held: Buffer | undefined;
  const finish = (result: SniffResult): void => {
    wheel.remove(deadline);
    socket.off('data', onData).off('end', onEnd).off('close', onClose);
    socket.pause();
    done(result);
  };
  const onData = (bytes: Buffer): void => {
    held = held === undefined ? bytes : Buffer.concat([held, bytes]);
    const found = judge(held, held.length, listener.needsHttpInspector) ?? (held.length > MAX_HELLO_BYTES ? PLAIN : undefined);
    if (found !== undefined) finish({ t: 'known', sniffed: found, bytes: held });
  };
  // A client that only listens (half-closed at once) is served as plain bytes.
  const onEnd = (): void => finish({ t: 'known', sniffed: PLAIN, bytes: held });
  const onClose = (): void => finish({ t: 'closed', reason: 'the client closed before it said anything' });
  const deadline = createDeadline(() => {
    if (continueOnTimeout) finish({ t: 'known', sniffed: PLAIN, bytes: held });
    else finish({ t: 'closed', reason: 'the client said nothing in time' });
  });
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
  if (listenerFiltersTimeoutMs > 0) wheel.set(deadline, wheel.now(), listenerFiltersTimeoutMs);
}
