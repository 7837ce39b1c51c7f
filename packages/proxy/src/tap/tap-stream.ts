import { TAP_STATUS, type RequestView } from '@meltemi/runtime';
import type { HeadScanner } from '@meltemi/wire';
import type { Exchange } from '../http/exchange.ts';
import { rescan } from '../http/request-head.ts';
import { nodeBytes } from '../net/node-bytes.ts';
import { BodyCopy } from './body-copy.ts';
import type { TapSession } from './tap-session.ts';
import { tapHeader, tapLines, type TapBody, type TapHeader } from './trace.ts';

/** Names that stand in front as pseudo headers, or only frame the message on its way. */
const FRAME: ReadonlySet<string> = new Set(['host', 'connection', 'transfer-encoding', 'keep-alive']);

/** One request that is looked at, from its head to the end of its response. */
export class TapStream {
  readonly #x: Exchange;
  readonly #session: TapSession;
  readonly #request: BodyCopy;
  readonly #response: BodyCopy;
  readonly #requestHeaders: readonly TapHeader[];
  #responseHeaders: readonly TapHeader[] = [];
  #localBody: Buffer | undefined = undefined;
  #responded = false;

  /** The worker's scanner shows the request. */
  constructor(x: Exchange, session: TapSession) {
    const { maxRequestBytes, maxResponseBytes, asText } = session.order.request.output;
    this.#x = x;
    this.#session = session;
    this.#request = new BodyCopy(maxRequestBytes, asText);
    this.#response = new BodyCopy(maxResponseBytes, asText);
    this.#requestHeaders = this.#readRequest();
    if (x.downstream.hasBody && x.upgrade === '') x.stageRequest(this.#request.stage);
  }

  /** The upstream's head is in the worker's response scanner; `ended` = no body follows. */
  onResponse(bytes: Uint8Array, ended: boolean): void {
    this.#session.work(() => {
      const { responseScanner: scanner } = this.#x.worker;
      this.#responseHeaders = [tapHeader(':status', String(scanner.status), true), ...headersOf(scanner, bytes, this.#secrets)];
      if (!ended && this.#x.upgrade === '') this.#x.stageResponse(this.#response.stage);
      this.#responded = true;
    });
  }

  /** The proxy answers itself; `head` as HTTP/1.1. */
  onOwnReply(status: number, head: string, body: Buffer | undefined): void {
    if (this.#responded) return;
    this.#session.work(() => {
      const lines = tapLines(head.slice(head.indexOf('\r\n')), this.#secrets).filter(({ key }) => !FRAME.has(key));
      this.#responseHeaders = [tapHeader(':status', String(status), true), ...lines];
      this.#localBody = body;
    });
  }

  /** The exchange is over. */
  end(): void {
    this.#session.ended();
    this.#session.work(() => {
      if (this.#belongs()) this.#tell();
    });
  }

  get #secrets(): boolean {
    return this.#session.order.secrets;
  }

  #readRequest(): readonly TapHeader[] {
    const { worker, info, head, scheme, viewAuthority } = this.#x;
    const pseudo = [
      [':authority', viewAuthority],
      [':path', info.originalPath],
      [':method', info.method],
      [':scheme', scheme],
    ] as const;
    return [...pseudo.map(([key, value]) => tapHeader(key, value, this.#secrets)), ...headersOf(worker.requestScanner, head.bytes, this.#secrets)];
  }

  /** All is known now. */
  #belongs(): boolean {
    const { worker } = this.#x;
    if (worker.scannedFor !== this.#x) rescan(this.#x);
    return this.#session.test(worker.view, responseView(this.#responseHeaders)) === true;
  }

  #tell(): void {
    const body = this.#request.shown();
    if (this.#localBody !== undefined && this.#response.shown() === undefined) this.#response.add(this.#localBody, 0, this.#localBody.length);
    const answer = this.#response.shown();
    const request = {
      headers: this.#requestHeaders,
      ...(body === undefined ? {} : { body }),
      trailers: tapLines(this.#request.trailers, this.#secrets),
    };
    const response = {
      headers: this.#responseHeaders,
      ...(answer === undefined ? {} : { body: answer }),
      trailers: tapLines(this.#response.trailers, this.#secrets),
    };
    if (!this.#session.order.request.output.streaming) {
      this.#session.emit(this.#x, { http_buffered_trace: { request, response } });
      return;
    }
    this.#tellSegments({ request, response });
  }

  /** Event by event; in one go, for whether the request belongs to the tap may be known only now. */
  #tellSegments({ request, response }: Record<'request' | 'response', Told>): void {
    const id = String(Math.floor(this.#x.worker.random() * Number.MAX_SAFE_INTEGER));
    const events: Record<string, unknown>[] = [
      { request_headers: { headers: request.headers } },
      ...(request.body === undefined ? [] : [{ request_body_chunk: request.body }]),
      ...(request.trailers.length === 0 ? [] : [{ request_trailers: { headers: request.trailers } }]),
      { response_headers: { headers: response.headers } },
      ...(response.body === undefined ? [] : [{ response_body_chunk: response.body }]),
      ...(response.trailers.length === 0 ? [] : [{ response_trailers: { headers: response.trailers } }]),
    ];
    this.#x.plan.counts.tapped++;
    for (const event of events) this.#session.emitSegment({ http_streamed_trace_segment: { trace_id: id, ...event } });
  }
}

interface Told {
  readonly headers: readonly TapHeader[];
  readonly body?: TapBody;
  readonly trailers: readonly TapHeader[];
}

function headersOf(scanner: HeadScanner, bytes: Uint8Array, secrets: boolean): readonly TapHeader[] {
  return Array.from({ length: scanner.count }, (_, at) =>
    tapHeader(
      nodeBytes.latin1(bytes, scanner.nameStart(at), scanner.nameEnd(at)).toLowerCase(),
      nodeBytes.latin1(bytes, scanner.valueStart(at), scanner.valueEnd(at)),
      secrets,
    ),
  ).filter(({ key }) => !FRAME.has(key));
}

/** A response as matchers of headers take it. */
function responseView(headers: readonly TapHeader[]): RequestView {
  const header = (name: string): string | undefined => {
    const wanted = name === TAP_STATUS ? ':status' : name;
    const values = headers.filter(({ key }) => key === wanted).map(({ value }) => value);
    return values.length === 0 ? undefined : values.join(',');
  };
  return { method: '', path: '', authority: '', scheme: 'http', header };
}
