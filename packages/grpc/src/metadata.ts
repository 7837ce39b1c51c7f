import type { IncomingHttpHeaders } from 'node:http2';
import type { GrpcMetadata } from './types.ts';

const TRANSPORT = new Set([
  'te',
  'content-type',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-status',
  'grpc-message',
  'grpc-timeout',
  'user-agent',
]);

/** The metadata among HTTP/2 headers. */
export function metadataOf(headers: IncomingHttpHeaders): GrpcMetadata {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || TRANSPORT.has(name) || value === undefined) continue;
    metadata[name] = Array.isArray(value) ? value.join(',') : value;
  }
  return metadata;
}

const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** `grpc-timeout` in milliseconds, at least 1; undefined when absent or malformed. */
export function parseTimeout(text: string | string[] | undefined): number | undefined {
  const match = typeof text === 'string' ? /^(\d{1,8})([HMSmun])$/.exec(text) : null;
  return match === null ? undefined : Math.max(1, Math.ceil(Number(match[1]) * UNITS[match[2]!]!));
}

/** The value of `grpc-timeout` for a time-out of at most eight digits, as the specification asks. */
export function formatTimeout(ms: number): string {
  return ms < 100_000_000 ? `${Math.max(1, Math.ceil(ms))}m` : `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`;
}

/** `grpc-message`: percent-encoded UTF-8. */
export function encodeMessage(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

/** The reverse; what is not well-formed stays as it is. */
export function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
