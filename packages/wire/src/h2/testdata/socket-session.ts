import type { Socket } from 'node:net';
import { plainBytes } from '../../bytes.ts';
import { DEFAULT_H2_LIMITS, DEFAULT_H2_SETTINGS, type H2Limits, type H2LocalSettings, type H2Output } from '../options.ts';
import type { H2Handler, H2Outgoing, H2Session } from '../session-types.ts';
import { createH2Session } from '../session.ts';
import { latin1 } from './tools.ts';

/** An output that grows. */
export class GrowingOutput implements H2Output {
  bytes: Uint8Array = new Uint8Array(256);
  length = 0;

  reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + size));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  add(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.bytes.set(from.subarray(start, end), this.length);
    this.length += end - start;
  }

  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

/** What a test wants to say about its session; the rest is default. */
export interface SessionPlan<Owner> {
  readonly role: 'server' | 'client';
  readonly settings?: Partial<H2LocalSettings>;
  readonly limits?: Partial<H2Limits>;
  readonly nowMs?: () => number;
  readonly handler: (session: () => H2Session<Owner>) => Partial<H2Handler<Owner>>;
}

const nothing = (): void => {};

/** A session and its output, without a socket. */
export function bareSession<Owner>(plan: SessionPlan<Owner>): { session: H2Session<Owner>; output: GrowingOutput } {
  const output = new GrowingOutput();
  const session: H2Session<Owner> = createH2Session<Owner>({
    role: plan.role,
    port: plainBytes,
    output,
    settings: { ...DEFAULT_H2_SETTINGS, ...plan.settings },
    limits: { ...DEFAULT_H2_LIMITS, ...plan.limits },
    nowMs: plan.nowMs ?? ((): number => 0),
    handler: {
      head: nothing,
      headRefused: nothing,
      data: nothing,
      trailers: nothing,
      reset: nothing,
      writable: nothing,
      settings: nothing,
      goaway: nothing,
      pong: nothing,
      failed: nothing,
      ...plan.handler(() => session),
    },
  });
  return { session, output };
}

/** A session on a socket. `flush` after calls from outside of its handler. */
export function socketSession<Owner>(socket: Socket, plan: SessionPlan<Owner>): { session: H2Session<Owner>; flush: () => void } {
  const { session, output } = bareSession(plan);
  const flush = (): void => {
    if (output.length > 0 && !socket.destroyed) socket.write(output.take());
    session.flushed();
    if (session.dead) socket.end();
  };
  socket.on('data', (chunk: Buffer) => {
    session.receive(chunk, 0, chunk.length);
    flush();
  });
  socket.on('close', () => session.disconnected());
  socket.on('error', nothing);
  flush();
  return { session, flush };
}

/** A head to send. */
export function outgoing(text: string, endStream: boolean, scheme: 'http' | 'https' = 'http', extended = false): H2Outgoing {
  const bytes = latin1(text);
  return { bytes, start: 0, end: bytes.length, endStream, scheme, extended };
}
