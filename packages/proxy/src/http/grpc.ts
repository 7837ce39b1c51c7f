import { ascii, matches } from '@meltemi/wire';
import { nodeBytes } from '../net/node-bytes.ts';

/** gRPC's mapping of HTTP statuses (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md). */
export function grpcStatusOf(status: number): number {
  switch (status) {
    case 400:
      return 13;
    case 401:
      return 16;
    case 403:
      return 7;
    case 404:
      return 12;
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;
    default:
      return 2;
  }
}

/** HTTP statuses by gRPC's codes 0 to 16: how a call went, for those who judge by HTTP. */
const HTTP_STATUSES = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401] as const;

/** The HTTP status that a `grpc-status` stands for. */
export function httpStatusOf(grpcStatus: string): number {
  return HTTP_STATUSES[Number(grpcStatus)] ?? 500;
}

/** Text of a `grpc-message`: what is not printable, and the percent sign, as percent-encoded bytes. */
export function encodeGrpcMessage(text: string): string {
  return text.replace(/[^ -$&-~]/gu, (character) => encodeURIComponent(character));
}

const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** A `grpc-timeout` in milliseconds, rounded up; undefined = absent or nonsense. */
export function readGrpcTimeout(text: string | undefined): number | undefined {
  const found = /^(\d{1,8})([HMSmun])$/.exec(text ?? '');
  return found === null ? undefined : Math.ceil(Number(found[1]) * (UNITS[found[2] ?? ''] ?? 0));
}

const STATUS = ascii('grpc-status');
const COLON = 58;
const LF = 10;

/** The `grpc-status` among trailer lines, '' = there is none. */
export function statusInTrailers(lines: Uint8Array): string {
  return valueIn(lines, STATUS) ?? '';
}

/** A value among trailer lines; the first, where there are several. */
export function trailerValue(lines: Uint8Array, name: string): string | undefined {
  return valueIn(lines, ascii(name));
}

function valueIn(lines: Uint8Array, name: Uint8Array): string | undefined {
  let at = 0;
  while (at < lines.length) {
    const end = lines.indexOf(LF, at);
    const next = end < 0 ? lines.length : end + 1;
    const colon = lines.indexOf(COLON, at);
    if (colon >= 0 && colon < next && matches(lines, at, colon, name)) return nodeBytes.latin1(lines, colon + 1, next).trim();
    at = next;
  }
  return undefined;
}
