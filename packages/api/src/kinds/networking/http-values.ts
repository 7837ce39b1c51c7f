import { GRPC_RETRY_CONDITIONS, HTTP_RETRY_CONDITIONS, parseFormat } from '@meltemi/match';
import { nearest } from '../../decode/suggest.ts';
import { controlFault, headerNameFault } from '../../schema/formats.ts';

/** Envoy's conditions for HTTP retries, and those of gRPC; Istio takes both in one list. */
const RETRY_CONDITIONS: readonly string[] = [...HTTP_RETRY_CONDITIONS, ...GRPC_RETRY_CONDITIONS];

/** What is wrong with a `retryOn` list: condition names and upstream status codes, separated by commas. */
export function retryOnFault(value: string): string | undefined {
  for (const token of value.split(',').map((part) => part.trim())) {
    if (token === '') {
      if (value.trim() === '') return undefined;
      return `"${value}" has an empty entry`;
    }
    if (/^\d+$/.test(token)) {
      const status = Number(token);
      if (status < 100 || status > 599) return `"${token}" is not an HTTP status from 100 to 599`;
    } else if (!RETRY_CONDITIONS.includes(token)) {
      return `"${token}" is not a retry condition; known are ${RETRY_CONDITIONS.join(', ')} and status codes`;
    }
  }
  return undefined;
}

export const HTTP_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE'];

/** Names that a header operation may set on a request: tokens, and `:authority`, which rewrites the authority. */
export function requestSetNameFault(value: string): string | undefined {
  return value === ':authority' ? undefined : headerOperationNameFault(value);
}

/** Names that header operations may touch: no pseudo header. */
function headerOperationNameFault(value: string): string | undefined {
  return value.startsWith(':') ? `"${value}" is a pseudo header and cannot be changed here` : headerNameFault(value);
}

/** As above; a request has one Host. */
export function headerAddNameFault(value: string): string | undefined {
  return value.toLowerCase() === 'host' ? 'a request has one Host: write set' : headerOperationNameFault(value);
}

/** As above; Host and what frames a message must stay. */
export function headerRemoveNameFault(value: string): string | undefined {
  return value.toLowerCase() === 'host' ? 'Host cannot be removed' : headerOperationNameFault(value);
}

/** Names for response headers: Host is none. */
export function responseNameFault(value: string): string | undefined {
  return value.toLowerCase() === 'host' ? 'Host is not a response header' : headerOperationNameFault(value);
}

/** Envoy's substitution operators that both data planes answer in headers. */
const OPERATORS: ReadonlySet<string> = new Set([
  'BYTES_RECEIVED',
  'BYTES_SENT',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS',
  'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_ADDRESS',
  'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_LOCAL_PORT',
  'DOWNSTREAM_LOCAL_URI_SAN',
  'DOWNSTREAM_PEER_SUBJECT',
  'DOWNSTREAM_PEER_URI_SAN',
  'DOWNSTREAM_REMOTE_ADDRESS',
  'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
  'DOWNSTREAM_REMOTE_PORT',
  'DOWNSTREAM_TLS_CIPHER',
  'DOWNSTREAM_TLS_VERSION',
  'HOSTNAME',
  'METHOD',
  'PROTOCOL',
  'REQ',
  'REQUESTED_SERVER_NAME',
  'RESP',
  'RESPONSE_CODE',
  'RESPONSE_CODE_DETAILS',
  'RESPONSE_FLAGS',
  'ROUTE_NAME',
  'START_TIME',
  'UPSTREAM_CLUSTER',
  'UPSTREAM_HOST',
  'UPSTREAM_LOCAL_ADDRESS',
  'UPSTREAM_REMOTE_ADDRESS',
  'UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT',
]);

/**
 * What is wrong with a header value: control characters but tab (RFC 9110, 5.5; a line break would start another header), or an operator
 * (`%REQ(x-a)%`) that is none: a proxy would refuse all routes for it.
 */
export function headerValueFault(value: string): string | undefined {
  if (controlFault(value) !== undefined) return 'a header value must not hold control characters';
  const parsed = parseFormat(value);
  if (parsed.ok) {
    const other = parsed.parts.find((part) => part.t === 'operator' && !OPERATORS.has(part.operator));
    return other?.t === 'operator' ? `not supported yet by Meltemi: the operator %${other.operator}% in a header` : undefined;
  }
  const { unknown, fault } = parsed;
  if (unknown === undefined) return `"${value}" would make proxies refuse all routes: ${fault}`;
  const near = nearest(unknown, OPERATORS);
  return `%${unknown}% is no operator of headers${near === undefined ? '; write "%%" for a percent sign' : `; did you mean %${near}%?`}`;
}

/** Names in lists of headers: tokens, or `*` for all. */
export function listedHeaderFault(value: string): string | undefined {
  return value === '*' ? undefined : headerNameFault(value);
}
