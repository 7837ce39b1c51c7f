import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { lookup } from 'node:dns';
import { getCACertificates } from 'node:tls';
import { MeshError } from '@meltemi/base';

export interface ClientRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** For the whole exchange (streams: until the head is there); default 10 s. */
  readonly timeoutMs?: number;
  /** Longest response body; default 16 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** Take any certificate of an https server: for probes, which ask whether it answers and not who it is. */
  readonly anyCertificate?: boolean;
  /** Certificates (PEM) that an https server's must be signed by; default: those that Node brings. */
  readonly trustedRoots?: readonly string[];
  /** Says which resolved IP addresses may be called: the guard against requests forged by way of a URL that a user gave. */
  readonly allowAddress?: (address: string) => boolean;
}

export interface ClientResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  text(): string;
  /** Throws MeshError `http/bad-json`. */
  json(): unknown;
}

/** A response whose body is read as it comes; leaving the loop closes the connection. */
export interface ClientStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly chunks: AsyncIterable<Buffer>;
  close(): void;
}

/** One request with a whole response. Any status is a response; MeshError `http/timeout`, `http/too-large`, `http/forbidden-address`, `http/unreachable`. */
export async function request(options: ClientRequest): Promise<ClientResponse> {
  const maxBytes = options.maxBytes ?? 16 << 20;
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  try {
    const message = await open(options, signal);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new MeshError('http/too-large', `${options.url} answered with more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks, size);
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      body,
      text: () => body.toString('utf8'),
      json: () => parse(options.url, body),
    };
  } catch (error) {
    throw explain(options, error, timeout);
  }
}

/** One request whose response is a stream (server-sent events, watch). */
export async function requestStream(options: ClientRequest): Promise<ClientStream> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), options.timeoutMs ?? 10_000);
  const signal = options.signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, options.signal]);
  try {
    const message = await open(options, signal);
    return {
      status: message.statusCode ?? 0,
      headers: message.headers,
      chunks: message as AsyncIterable<Buffer>,
      close: () => void message.destroy(),
    };
  } catch (error) {
    throw explain(options, error, timeout.signal);
  } finally {
    clearTimeout(timer);
  }
}

function open(options: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const url = parseUrl(options.url);
  const { allowAddress } = options;
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (allowAddress !== undefined && /^[\d.]+$|:/.test(literal) && !allowAddress(literal)) throw forbidden(options.url, literal);
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = send(
      url,
      {
        method: options.method ?? 'GET',
        headers: { ...options.headers, ...(options.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(options.body)) }) },
        signal,
        agent: false,
        ...(options.anyCertificate === true ? { rejectUnauthorized: false } : {}),
        ...(options.trustedRoots === undefined ? {} : { ca: [...options.trustedRoots] }),
        // Checked on the very address that is connected to: a name could resolve differently a second time.
        ...(allowAddress === undefined ? {} : { lookup: guardedLookup(options.url, allowAddress) }),
      },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

let roots: readonly string[] | undefined;

/** What this machine trusts: the certificates that its system has, those that Node brings, and those of NODE_EXTRA_CA_CERTS. */
export function systemRoots(): readonly string[] {
  return (roots ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])]);
}

function guardedLookup(url: string, allow: (address: string) => boolean): typeof lookup {
  const guarded = (hostname: string, options: object, callback: (error: Error | null, ...rest: unknown[]) => void): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error);
      const bad = addresses.find(({ address }) => !allow(address));
      if (bad !== undefined) return callback(forbidden(url, bad.address));
      const [first] = addresses;
      if ('all' in options && options.all === true) callback(null, addresses);
      else callback(null, first?.address, first?.family);
    });
  };
  return guarded as typeof lookup;
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new MeshError('http/bad-url', `"${text}" is not a URL`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new MeshError('http/bad-url', `"${text}" is neither http nor https`);
  return url;
}

function parse(url: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    throw new MeshError('http/bad-json', `${url} did not answer with JSON`, { cause: error });
  }
}

function forbidden(url: string, address: string): MeshError {
  return new MeshError('http/forbidden-address', `${url} leads to ${address}, which may not be called from here`);
}

function explain(options: ClientRequest, error: unknown, timeout: AbortSignal): MeshError {
  if (error instanceof MeshError) return error;
  if (timeout.aborted)
    return new MeshError('http/timeout', `${options.url} did not answer within ${options.timeoutMs ?? 10_000} ms`, { cause: error });
  const reason =
    error instanceof Error && error.message !== '' ? error.message : ((error as NodeJS.ErrnoException | undefined)?.code ?? String(error));
  return new MeshError('http/unreachable', `cannot reach ${options.url}: ${reason}`, { cause: error });
}
