import type { IncomingHttpHeaders } from 'node:http';

/**
 * Who may call a route. `read`: anybody on loopback, else a token or session. `write`: a token or session, also on loopback.
 * `open`: everybody (health, the one-time session URL, endpoints that check a credential of their own).
 */
export type Access = 'read' | 'write' | 'open';

/** How a call was let in; a session ends at `untilMs`. */
export type Caller = { readonly t: 'anonymous' } | { readonly t: 'token' } | { readonly t: 'session'; readonly untilMs: number };

/** One request, its path matched already. */
export interface HttpRequest {
  readonly method: string;
  /** Path without the query, as it was sent (still percent-encoded). */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Values of `:name` and `*name` in the route's path, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  /** The address of this machine that the client called; IPv4 without the mapped form's `::ffff:`. */
  readonly localAddress: string;
  readonly caller: Caller;
  /** Aborted when the client goes away or the server closes. */
  readonly signal: AbortSignal;
  /** The body; HttpError 413 above the limit, 408 when it comes too slowly. May be called once. */
  bytes(): Promise<Buffer>;
  text(): Promise<string>;
  /** The body as JSON; HttpError 400 when it is none. */
  json(): Promise<unknown>;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A whole body, or a function that writes one; the response ends when its promise resolves. */
  readonly body?: string | Uint8Array | ((out: BodyWriter) => Promise<void>);
}

/** Writes a body piece by piece. */
export interface BodyWriter {
  /** Resolves when the client can take more. Rejects with MeshError `http/client-gone` when it left. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** Bytes written that the client has not taken yet. */
  readonly pendingBytes: number;
  readonly signal: AbortSignal;
}

export type Handler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** One entry of a server's table. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/namespaces/:namespace/graph`; a last segment `*name` takes the rest. Literal segments win over parameters. GET answers HEAD too. */
  readonly path: string;
  /** Default: `read` for GET and HEAD, `write` for the others. */
  readonly access?: Access;
  /** Longest body in bytes; default the server's. */
  readonly maxBodyBytes?: number;
  readonly handler: Handler;
}
