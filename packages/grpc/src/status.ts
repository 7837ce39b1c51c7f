import { MeshError } from '@meltemi/base';

/** The gRPC status codes (grpc/doc/statuscodes.md). */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusCode = (typeof Status)[keyof typeof Status];

/** How a call ended. */
export interface GrpcStatus {
  readonly code: StatusCode;
  readonly message?: string;
}

const NAMES = new Map<StatusCode, string>(Object.entries(Status).map(([name, code]) => [code, name]));
const ERROR_CODES = new Map<string, StatusCode>(Object.entries(Status).map(([name, code]) => [errorCode(name), code]));

function errorCode(name: string): string {
  return `grpc/${name.toLowerCase().replaceAll('_', '-')}`;
}

/** A status as what callers throw and catch: code `grpc/permission-denied`. */
export function statusError(status: GrpcStatus): MeshError {
  const name = NAMES.get(status.code) ?? 'UNKNOWN';
  return new MeshError(errorCode(name), status.message === undefined || status.message === '' ? `gRPC status ${name}` : status.message);
}

/** The status of a thrown value: a MeshError of code `grpc/…` is that status, anything else INTERNAL without its details. */
export function statusOf(error: unknown): GrpcStatus {
  const code = error instanceof MeshError ? ERROR_CODES.get(error.code.replaceAll('_', '-')) : undefined;
  return code === undefined ? { code: Status.INTERNAL, message: 'internal error' } : { code, message: (error as MeshError).message };
}

/** A status number from the wire; unknown ones are UNKNOWN. */
export function parseStatus(text: unknown): StatusCode | undefined {
  if (typeof text !== 'string') return undefined;
  const code = /^\d{1,2}$/.test(text) ? (Number(text) as StatusCode) : undefined;
  return code !== undefined && NAMES.has(code) ? code : Status.UNKNOWN;
}

/** A response without gRPC status (grpc/doc/http-grpc-status-mapping.md). */
export function statusOfHttp(httpStatus: number): StatusCode {
  if (httpStatus === 400) return Status.INTERNAL;
  if (httpStatus === 401) return Status.UNAUTHENTICATED;
  if (httpStatus === 403) return Status.PERMISSION_DENIED;
  if (httpStatus === 404) return Status.UNIMPLEMENTED;
  return [429, 502, 503, 504].includes(httpStatus) ? Status.UNAVAILABLE : Status.UNKNOWN;
}

/** A stream that was reset (PROTOCOL-HTTP2.md, "Errors"). */
export function statusOfReset(http2Code: number): StatusCode {
  if (http2Code === 7) return Status.UNAVAILABLE;
  if (http2Code === 8) return Status.CANCELLED;
  if (http2Code === 11) return Status.RESOURCE_EXHAUSTED;
  return http2Code === 12 ? Status.PERMISSION_DENIED : Status.INTERNAL;
}
