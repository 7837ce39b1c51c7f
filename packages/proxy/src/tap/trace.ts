import { MASKED, maskQuery, TARGETS } from './mask-query.ts';

/** A header as Envoy's taps tell it. */
export interface TapHeader {
  readonly key: string;
  readonly value: string;
  readonly raw_value: '';
}

/** A body, as much of it as the tap shows. */
export interface TapBody {
  readonly as_bytes?: string;
  readonly as_string?: string;
  readonly truncated: boolean;
}

export interface TapMessage {
  readonly headers: readonly TapHeader[];
  readonly body?: TapBody;
  readonly trailers: readonly TapHeader[];
}

/** `envoy.data.tap.v3.TraceWrapper` as JSON. */
export type TapTrace =
  | { readonly http_buffered_trace: { readonly request: TapMessage; readonly response: TapMessage } }
  | { readonly http_streamed_trace_segment: { readonly trace_id: string; readonly [event: string]: unknown } };

/** Headers whose values open doors: shown only to who asks for them. */
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-amz-security-token',
  'x-forwarded-client-cert',
]);

/** One header; `secrets` = as it is, whatever it is. */
export function tapHeader(key: string, value: string, secrets: boolean): TapHeader {
  return { key, value: secrets ? value : masked(key, value), raw_value: '' };
}

function masked(key: string, value: string): string {
  if (TARGETS.has(key)) return maskQuery(value);
  return SECRET.has(key) && value !== '' ? MASKED : value;
}

/** Header lines (`name: value` with line ends) as headers. */
export function tapLines(text: string, secrets: boolean): readonly TapHeader[] {
  return text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon <= 0 ? [] : [tapHeader(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim(), secrets)];
  });
}
