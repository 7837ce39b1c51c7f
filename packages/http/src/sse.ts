import { MeshError } from '@meltemi/base';
import type { HttpResponse } from './types.ts';

/** One server-sent event; `data` is sent as JSON. */
export interface ServerEvent {
  readonly event?: string;
  readonly id?: string;
  readonly data: unknown;
}

export interface EventStream {
  /** Resolves when the client can take more; a source that is faster should wait for it and send only its newest state. Rejects when the client left. */
  send(event: ServerEvent): Promise<void>;
  /** Aborted when the client goes away or the server closes. */
  readonly signal: AbortSignal;
  /** Resolves when the stream is over. */
  readonly closed: Promise<void>;
}

/**
 * A stream of server-sent events (WHATWG HTML, 9.2). It lasts until `run` resolves or the client leaves. A comment every `heartbeatMs`
 * keeps middle boxes from closing it and finds dead clients.
 */
export function eventStream(
  run: (stream: EventStream) => Promise<void>,
  options: { readonly heartbeatMs?: number; readonly retryMs?: number } = {},
): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
    async body(out) {
      const closed = new Promise<void>((resolve) => {
        if (out.signal.aborted) resolve();
        else out.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await out.write(`retry: ${options.retryMs ?? 1000}\n\n`);
      // A client that is behind needs no sign of life, and must not be given more.
      const heartbeat = setInterval(() => {
        if (out.pendingBytes === 0) out.write(': \n\n').catch(() => clearInterval(heartbeat));
      }, options.heartbeatMs ?? 15_000);
      try {
        await run({ send: (event) => out.write(formatEvent(event)), signal: out.signal, closed });
      } catch (error) {
        if (!(error instanceof MeshError && error.code === 'http/client-gone')) throw error;
      } finally {
        clearInterval(heartbeat);
      }
    },
  };
}

/** The text of an event. JSON has no line breaks of its own; names and ids are cut at one, which would begin another field. */
function formatEvent(event: ServerEvent): string {
  const head = [
    ...(event.event === undefined ? [] : [`event: ${oneLine(event.event)}`]),
    ...(event.id === undefined ? [] : [`id: ${oneLine(event.id)}`]),
  ];
  return [...head, `data: ${JSON.stringify(event.data) ?? 'null'}`, '', ''].join('\n');
}

function oneLine(value: string): string {
  return value.split(/[\r\n\0]/, 1)[0] ?? '';
}
