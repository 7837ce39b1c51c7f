import type { Expected } from './define.ts';
import type { CaseContext } from './harness/context.ts';
import type { Resources } from './resources.ts';

/** A part of what a client sends: bytes, or something to wait for or to do in between. */
export type Part =
  | string
  | Uint8Array
  /** Waits until so many final responses have come in all on this connection. */
  | { readonly responses: number }
  /** Waits for an interim response (100, 103). */
  | { readonly interim: number }
  /** Waits until so many bytes of plain TCP or body have come. */
  | { readonly received: string }
  /** Waits until the backend has the head of so many requests, or so many connections. */
  | { readonly backendHas: number; readonly name?: string }
  /** Lets a backend that waits for this gate go on. */
  | { readonly open: string }
  | { readonly pauseMs: number }
  /** Sends FIN. */
  | { readonly fin: true }
  /** Sends RST. */
  | { readonly reset: true };

/** How a client speaks TLS. Certificates are names of `harness/identities.ts`. */
export interface ClientTls {
  readonly sni?: string;
  readonly alpn?: readonly string[];
  readonly identity?: string;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
}

export interface ExpectedResponse {
  readonly status?: number;
  /** Names in lower case; null = absent. Several lines of a name are joined with ", ". */
  readonly headers?: Readonly<Record<string, Expected>>;
  readonly body?: Expected;
  readonly trailers?: Readonly<Record<string, Expected>>;
  /** Whether the message came to its proper end. */
  readonly complete?: boolean;
}

export interface ExpectedRequest {
  readonly method?: string;
  /** Request target or `:path`. */
  readonly target?: Expected;
  readonly headers?: Readonly<Record<string, Expected>>;
  readonly body?: Expected;
  readonly trailers?: Readonly<Record<string, Expected>>;
  /** Name of the backend that got it. */
  readonly at?: string;
  readonly complete?: boolean;
}

/** What a step must show. Fields of a response stand for the only (or first) one. */
export interface Expectation extends ExpectedResponse {
  readonly responses?: readonly ExpectedResponse[];
  readonly interim?: readonly number[];
  /** `open`: the response does not announce an end, and none came. `reset` = RST. Left out: how a connection that is announced to end ends is compared as "ended". */
  readonly connection?: 'open' | 'ended' | 'closed' | 'reset' | 'silent';
  /** What came over plain TCP. */
  readonly received?: Expected;
  /** What the backends got during the step; null = nothing. */
  readonly backend?: ExpectedRequest | readonly ExpectedRequest[] | null;
  /** Requests that run at the same time (mirrors): they are told backend by backend, in the order in which the case names these. */
  readonly backendOrder?: 'by name';
  /** TLS: what was agreed, or why there is no connection. */
  readonly tls?: { readonly alpn?: Expected; readonly version?: Expected; readonly peer?: Expected; readonly refused?: boolean };
  /** HTTP/2: the code of RST_STREAM. */
  readonly rst?: Expected;
  /** Of `admin`: what was picked, as JSON. */
  readonly admin?: unknown;
  /** Of `collected`: what came, in order; what is left out is not looked at. */
  readonly collected?: readonly object[];
  /** Of `push`: whether the client took it. */
  readonly verdict?: 'ack' | 'nack';
}

interface Common {
  /** The listener's port by name; default `main`. */
  readonly port?: string;
  /** Keeps the connection under this name for later steps. Default: a new one that is closed after the step. */
  readonly on?: string;
  readonly tls?: ClientTls;
  /** Source address; default 127.0.0.1. */
  readonly from?: string;
  /** Does the step again until it shows what is expected (5 s): for changes of configuration. */
  readonly eventually?: boolean;
}

export type Step =
  | (Common & { readonly t: 'http1'; readonly send: readonly Part[]; readonly methods?: readonly string[]; readonly expect: Expectation })
  | (Common & { readonly t: 'http2'; readonly requests: readonly Http2Request[]; readonly expect: Expectation })
  | (Common & { readonly t: 'tcp'; readonly send: readonly Part[]; readonly until?: string; readonly expect: Expectation })
  | { readonly t: 'push'; readonly resources: (c: CaseContext) => Resources; readonly remove?: boolean; readonly expect: Expectation }
  /** Asks the admin port; `pick` takes what is compared out of the answer (JSON when the path says so, else text). */
  | {
      readonly t: 'admin';
      readonly path: (c: CaseContext) => string;
      readonly pick: (answer: unknown, c: CaseContext) => unknown;
      readonly eventually?: boolean;
      readonly expect: Expectation;
    }
  /** Waits until collectors have so many entries and spans in all. */
  | { readonly t: 'collected'; readonly count: number; readonly expect: Expectation }
  /** Runs steps at the same time. */
  | { readonly t: 'together'; readonly steps: readonly Step[] }
  /** Does one step so many times and counts who answered (by `body`): shares of load. */
  | {
      readonly t: 'count';
      readonly times: number;
      readonly step: Step;
      readonly shares: Readonly<Record<string, readonly [min: number, max: number]>>;
    };

export interface Http2Request {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | readonly string[];
  readonly trailers?: Readonly<Record<string, string>>;
  /** Sends the body when a response to the head has come, be it an interim one. */
  readonly waits?: 'response';
  /** Resets the stream (CANCEL) when the response's head has come. */
  readonly reset?: 'response';
}

/** An HTTP/1.1 request in short. */
export interface Http1Request {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  /** In order; a pair list repeats names. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  /** A string goes with `content-length`, a list in chunks. */
  readonly body?: string | readonly string[];
  readonly trailers?: Readonly<Record<string, string>>;
}

/** One HTTP/1.1 request; a string is the path of a GET. */
export function http(request: string | Http1Request, expect: Expectation, options: Common = {}): Step {
  const { method = 'GET' } = typeof request === 'string' ? {} : request;
  return { t: 'http1', send: [requestText(typeof request === 'string' ? { path: request } : request)], methods: [method], expect, ...options };
}

/** Bytes as they are, on an HTTP/1.1 connection; pieces and what to wait for in between. */
export function raw(send: string | readonly Part[], expect: Expectation, options: Common & { readonly methods?: readonly string[] } = {}): Step {
  return { t: 'http1', send: typeof send === 'string' ? [send] : send, expect, ...options };
}

/** HTTP/2, in clear with prior knowledge or over TLS with ALPN h2; several requests go out at once on one connection. */
export function http2(requests: Http2Request | readonly Http2Request[], expect: Expectation, options: Common = {}): Step {
  return { t: 'http2', requests: Array.isArray(requests) ? (requests as readonly Http2Request[]) : [requests as Http2Request], expect, ...options };
}

/** Bytes over TCP; reads until the end, or until `until` has come. */
export function tcp(send: string | readonly Part[], expect: Expectation, options: Common & { readonly until?: string } = {}): Step {
  return { t: 'tcp', send: typeof send === 'string' ? [send] : send, expect, ...options };
}

/** Changes the configuration; resources of the same name are replaced. */
export function push(resources: (c: CaseContext) => Resources, expect: Expectation = { verdict: 'ack' }): Step {
  return { t: 'push', resources, expect };
}

/** Takes resources away (only their names are looked at). */
export function remove(resources: (c: CaseContext) => Resources): Step {
  return { t: 'push', resources, remove: true, expect: { verdict: 'ack' } };
}

/** What the admin port must tell at once or, counters being gathered now and then, within 5 s. */
export function admin(path: (c: CaseContext) => string, pick: (answer: unknown, c: CaseContext) => unknown, expected: unknown): Step {
  return { t: 'admin', path, pick, eventually: true, expect: { admin: expected } };
}

/** Counters and gauges of both proxies, by the rest of their names behind `cluster.<name>.`. */
export function clusterStats(cluster: string, expected: Readonly<Record<string, number>>): Step {
  return admin(
    (c) => `/stats?format=json&filter=${encodeURIComponent(`^cluster\\.${c.name(cluster)}\\.(${Object.keys(expected).join('|')})$`)}`,
    (answer, c) => {
      const { stats = [] } = answer as { readonly stats?: readonly { readonly name?: string; readonly value?: number }[] };
      const own = `cluster.${c.name(cluster)}.`;
      const found = stats.flatMap(({ name = '', value = 0 }) => (name.startsWith(own) ? [[name.slice(own.length), Number(value)] as const] : []));
      return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
    Object.fromEntries(Object.entries(expected).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}

/** What collectors must have taken by then, in all: entries and spans by name and kind, members by what is told of them. */
export function collected(expected: readonly object[]): Step {
  return { t: 'collected', count: expected.length, expect: { collected: expected } };
}

/** Steps at the same time. */
export function together(...steps: readonly Step[]): Step {
  return { t: 'together', steps };
}

/** One step many times; how often each body must come. */
export function count(times: number, step: Step, shares: Readonly<Record<string, readonly [min: number, max: number]>>): Step {
  return { t: 'count', times, step, shares };
}

function requestText({ method = 'GET', path = '/', host = 'test.example', headers = {}, body, trailers = {} }: Http1Request): string {
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, string])[]) : Object.entries(headers);
  const chunked = typeof body === 'object' || Object.keys(trailers).length > 0;
  const framing = chunked ? 'transfer-encoding: chunked\r\n' : body === undefined ? '' : `content-length: ${body.length}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines(pairs)}${framing}\r\n`;
  if (!chunked) return `${head}${body ?? ''}`;
  return head + chunks(typeof body === 'object' ? body : [body ?? '']) + `0\r\n${lines(Object.entries(trailers))}\r\n`;
}

/** Chunks of a body, without the last one. */
export function chunks(pieces: readonly string[]): string {
  return pieces
    .filter((piece) => piece !== '')
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('');
}

/** Header lines. */
export function lines(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
