import { MeshError } from '@meltemi/base';
import type { HttpResponse } from './types.ts';

/** A failure with an HTTP status; answered as `{ code, message }`. Throw it from a handler. */
export class HttpError extends MeshError {
  readonly status: number;

  constructor(status: number, code: string, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
    this.name = 'HttpError';
    this.status = status;
  }
}

/** A JSON response. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body: `${JSON.stringify(value)}\n` };
}

/** A plain-text response. */
export function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

/** The one shape of errors: `{ code, message }`. */
export function errorResponse(status: number, code: string, message: string): HttpResponse {
  return json(status, { code, message });
}
