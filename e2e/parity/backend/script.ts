/** What a server behind the proxy does. A list of replies is an HTTP/1.1 server in clear; the last reply is given again and again. */
export type BackendScript =
  | readonly Reply[]
  | { readonly t: 'http1'; readonly replies: readonly Reply[]; readonly tls?: ServerTls }
  | { readonly t: 'http2'; readonly replies: readonly Reply[]; readonly tls?: ServerTls }
  | { readonly t: 'tcp'; readonly tcp: TcpScript; readonly tls?: ServerTls }
  /** Takes log entries and spans: over gRPC (HTTP/2), or over HTTP/1.1. */
  | { readonly t: 'collector'; readonly http: 'http1' | 'http2' }
  /** A port where nobody listens. */
  | { readonly t: 'closed' };

/** Whose certificate a server shows (a name of `harness/identities.ts`), and what it wants of the client. */
export interface ServerTls {
  readonly identity: string;
  readonly alpn?: readonly string[];
  /** Asks for a client certificate and refuses who has none that the mesh's root signed. */
  readonly mutual?: boolean;
}

/** One answer. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** In order, as they go out. A list of pairs repeats a name. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  /** A string goes out with `content-length`, a list as chunks (HTTP/2: as DATA frames). Default: empty. */
  readonly body?: string | readonly string[];
  readonly trailers?: Readonly<Record<string, string>>;
  /** HTTP/1.1: these bytes instead of all of the above. */
  readonly raw?: string;
  /** Interim bytes before the answer (`HTTP/1.1 103 …`). */
  readonly interim?: string;
  /** Sent as soon as the request's head is there, over either protocol; the answer comes as ever. */
  readonly informational?: readonly { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[];
  /** Answers as soon as the head is there. Default: when the body is, too. */
  readonly early?: boolean;
  /** Waits for this before the head goes out; a gate is opened by a step (`open('name')`). */
  readonly delayMs?: number;
  readonly gate?: string;
  /** Waits for this gate between the head (with the first chunk) and the rest. */
  readonly bodyGate?: string;
  /** What becomes of the connection. `reset`, `close` without status, headers, body and raw: instead of an answer. Default `keep`. */
  readonly after?: 'keep' | 'close' | 'reset';
  /** Nothing is answered at all. */
  readonly silent?: boolean;
}

/** A server of bytes. */
export interface TcpScript {
  /** Sent at once. */
  readonly greeting?: string;
  /** Sends back what comes. */
  readonly echo?: boolean;
  /** Sent when the client has sent FIN. */
  readonly farewell?: string;
  /** What happens after the greeting; a reset waits for the client's first bytes, for until then a proxy may take it for a failed connect. Default: stays open, and ends when the client ends. */
  readonly after?: 'close' | 'reset' | 'ignore-fin';
}
