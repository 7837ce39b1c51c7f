import { headerNameFault } from '../../schema/formats.ts';

/** Envoy's conditions for HTTP retries, and those of gRPC; Istio takes both in one list. */
export const RETRY_CONDITIONS: readonly string[] = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'envoy-ratelimited',
  'retriable-4xx',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
];

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

export const GRPC_STATUS: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

export const HTTP_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE'];

/** Names that a header operation may set on a request: tokens, and `:authority`, which rewrites the authority. */
export function requestSetNameFault(value: string): string | undefined {
  return value === ':authority' ? undefined : headerOperationNameFault(value);
}

/** Names that header operations may touch: no pseudo header. */
export function headerOperationNameFault(value: string): string | undefined {
  return value.startsWith(':') ? `"${value}" is a pseudo header and cannot be changed here` : headerNameFault(value);
}

/** As above; Host and what frames a message must stay. */
export function headerRemoveNameFault(value: string): string | undefined {
  return value.toLowerCase() === 'host' ? 'Host cannot be removed' : headerOperationNameFault(value);
}

/** Names for response headers: Host is none. */
export function responseNameFault(value: string): string | undefined {
  return value.toLowerCase() === 'host' ? 'Host is not a response header' : headerOperationNameFault(value);
}

/** A header value: no control characters but tab (RFC 9110, 5.5): a line break would start another header. */
export function headerValueFault(value: string): string | undefined {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return 'a header value must not hold control characters';
  }
  return undefined;
}
