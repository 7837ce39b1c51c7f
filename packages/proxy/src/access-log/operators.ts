import { metadataAt, type CustomTag, type MetadataValue } from '@meltemi/runtime';
import { upstreamServiceMs } from '../core/stream-info.ts';
import type { StreamInfo } from '../types.ts';
import { streamGetter, type Getter } from './stream-operators.ts';

/** Which headers must be remembered until the stream ends; the index into `capturedRequest`/`capturedResponse` is the list's. */
export interface CaptureList {
  readonly request: string[];
  readonly response: string[];
  readonly trailers: string[];
  /** For the body of an answer: what the proxy would say. */
  readonly localBody?: () => string;
}

/** Operators whose text this proxy makes itself: no quote of a peer's can be in it. */
export const UNQUOTED: ReadonlySet<string> = new Set([
  'START_TIME',
  'PROTOCOL',
  'RESPONSE_FLAGS',
  'RESPONSE_FLAGS_LONG',
  'UPSTREAM_HOST',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  'TRACE_ID',
]);

/** Request headers that every record holds anyway. */
const HELD_REQUEST: Readonly<Record<string, Getter>> = {
  ':method': (info) => info.method,
  ':path': (info) => info.path,
  ':authority': (info) => info.authority,
  host: (info) => info.authority,
  'x-envoy-original-path': (info) => info.rewrittenFrom,
  'user-agent': (info) => info.userAgent,
  'x-request-id': (info) => info.requestId,
  'x-forwarded-for': (info) => info.forwardedFor,
};

/** `%REQ(A?B)%`: the first of the two that is there. */
export function requestHeader(argument: string, capture: CaptureList): Getter {
  const getters = argument
    .toLowerCase()
    .split('?')
    .map((name) => HELD_REQUEST[name] ?? captured(name, capture.request, 'capturedRequest'));
  return firstOf(getters);
}

/** `%RESP(A?B)%`. */
export function responseHeader(argument: string, capture: CaptureList): Getter {
  const getters = argument
    .toLowerCase()
    .split('?')
    .map((name): Getter => {
      if (name === ':status') return (info) => info.responseCode;
      if (name !== 'x-envoy-upstream-service-time') return captured(name, capture.response, 'capturedResponse');
      // A TCP connection has no response that could carry it.
      // As the header's text, which it is where it is sent.
      return (info) => (info.upstreamFirstByteMs === 0 || info.protocol === 'tcp' ? undefined : String(upstreamServiceMs(info)));
    });
  return firstOf(getters);
}

function captured(name: string, list: string[], field: 'capturedRequest' | 'capturedResponse' | 'capturedTrailers'): Getter {
  let index = list.indexOf(name);
  if (index < 0) index = list.push(name) - 1;
  return (info) => info[field][index];
}

/** `%TRAILER(A?B)%`. */
export function responseTrailer(argument: string, capture: CaptureList): Getter {
  return firstOf(
    argument
      .toLowerCase()
      .split('?')
      .map((name) => captured(name, capture.trailers, 'capturedTrailers')),
  );
}

/** The value of a tag; undefined = it is left out. */
export function compileTag({ source }: CustomTag, capture: CaptureList): (info: StreamInfo) => string | undefined {
  const given = (value: unknown, otherwise: string): string | undefined => {
    const text = value === undefined || value === '' ? otherwise : typeof value === 'string' ? value : JSON.stringify(value);
    return text === '' ? undefined : text;
  };
  switch (source.t) {
    case 'literal':
      return () => source.value;
    case 'environment': {
      const value = given(process.env[source.name], source.otherwise);
      return () => value;
    }
    case 'header': {
      const read = requestHeader(source.name, capture);
      return (info) => given(read(info), source.otherwise);
    }
    case 'metadata':
      return ({ dynamicMetadata }) => given(metadataAt(dynamicMetadata?.get(source.namespace), source.path), source.otherwise);
  }
}

function firstOf(getters: readonly Getter[]): Getter {
  const [first = () => undefined, second] = getters;
  if (second === undefined) return first;
  return (info) => {
    const value = first(info);
    return value === undefined || value === '' ? second(info) : value;
  };
}

/** `%DYNAMIC_METADATA(namespace:key:key)%`: the value that filters have left there; undefined = none. */
export function metadataValue(argument: string): (info: StreamInfo) => MetadataValue | undefined {
  const [namespace = '', ...path] = argument.split(':');
  return ({ dynamicMetadata }) => metadataAt(dynamicMetadata?.get(namespace), path);
}

/** The same as text: words as they are, the rest as JSON. */
function metadataText(argument: string): Getter {
  const read = metadataValue(argument);
  return (info) => {
    const value = read(info);
    return typeof value === 'string' || typeof value === 'number' || value === undefined ? value : JSON.stringify(value);
  };
}

/** Operators that look at messages. */
const MESSAGES: Readonly<Record<string, (argument: string, capture: CaptureList) => Getter>> = {
  REQ: requestHeader,
  REQUEST_HEADER: requestHeader,
  RESP: responseHeader,
  RESPONSE_HEADER: responseHeader,
  TRAILER: responseTrailer,
  RESPONSE_TRAILER: responseTrailer,
  REQ_WITHOUT_QUERY(argument, capture) {
    const inner = requestHeader(argument, capture);
    return (info) => inner(info)?.toString().split('?', 1)[0];
  },
  LOCAL_REPLY_BODY: (_, capture) => () => capture.localBody?.(),
  DYNAMIC_METADATA: metadataText,
  METADATA: (argument) => metadataText(argument.slice(argument.indexOf(':') + 1)),
  PATH: pathOf,
  QUERY_PARAM: (argument) => (info) => queryOf(info.path).get(argument) ?? undefined,
  QUERY_PARAMS:
    () =>
    ({ path }) =>
      path.includes('?') ? path.slice(path.indexOf('?') + 1) : undefined,
};

/** What an operator says of a finished stream; headers that it needs are added to `capture`. */
export function compileOperator(operator: string, argument: string, capture: CaptureList): Getter {
  return MESSAGES[operator]?.(argument, capture) ?? streamGetter(operator, argument) ?? (() => undefined);
}

/** `%PATH(NQ:ORIG)%`. */
function pathOf(argument: string): Getter {
  const [query = '', whose = ''] = argument.split(':');
  const read = ({ rewrittenFrom, path }: StreamInfo): string =>
    whose === 'ORIG' ? rewrittenFrom : whose === 'PATH' || rewrittenFrom === '' ? path : rewrittenFrom;
  return query === 'NQ' ? (info) => read(info).split('?', 1)[0] : read;
}

function queryOf(path: string): URLSearchParams {
  const at = path.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : path.slice(at + 1));
}
