import { MeshError, formatOrigin, type Problem } from '@meltemi/base';
import { HttpError, json, type Handler, type HttpResponse } from '@meltemi/http';

/** Reasons of Kubernetes' `Status` with their HTTP code. */
const CODES = {
  BadRequest: 400,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  UnsupportedMediaType: 415,
  Invalid: 422,
  MethodNotAllowed: 405,
  Forbidden: 403,
  InternalError: 500,
} as const;

export type StatusReason = keyof typeof CODES;

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly problems?: readonly Problem[];
}

/** An error that is answered as a Kubernetes `Status`. */
export class StatusError extends HttpError {
  readonly reason: StatusReason;
  readonly details: StatusDetails;

  constructor(reason: StatusReason, message: string, details: StatusDetails = {}) {
    super(CODES[reason], `config/${reason}`, message);
    this.reason = reason;
    this.details = details;
  }
}

/** The `Status` object of a failure. `details.problems` is ours; other clients read `causes`. */
export function statusObject(error: StatusError): unknown {
  const { problems, ...details } = error.details;
  const causes = (problems ?? []).map((problem) => ({ reason: 'FieldValueInvalid', message: problem.message, field: problem.path }));
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: error.message,
    reason: error.reason,
    details: { ...details, ...(problems === undefined ? {} : { causes, problems }) },
    code: error.status,
  };
}

/** Answers StatusErrors, refusals of the store and HTTP errors of a handler in Kubernetes' shape. */
export function withStatus(handler: Handler): Handler {
  return async (request) => {
    try {
      return await handler(request);
    } catch (error) {
      const status = toStatus(error);
      return json(status.status, statusObject(status));
    }
  };
}

function toStatus(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof HttpError && error.status < 500) return new StatusError('BadRequest', error.message);
  if (!(error instanceof MeshError)) throw error;
  if (error.code === 'config/exists') return new StatusError('AlreadyExists', error.message);
  if (error.code === 'config/conflict') return new StatusError('Conflict', error.message);
  if (error.code === 'config/read-only') return new StatusError('Forbidden', error.message);
  throw error;
}

/** The refusal of an object with all its problems. */
export function invalid(problems: readonly Problem[], details: StatusDetails): StatusError {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const lines = errors.map((problem) =>
    [formatOrigin(problem.origin?.line === undefined ? undefined : problem.origin), problem.path, withFix(problem)]
      .filter((part) => part !== '')
      .join(': '),
  );
  const name = [details.kind, details.name].filter((part) => part !== undefined && part !== '').join(' ');
  return new StatusError('Invalid', `${name === '' ? 'The object' : name} is not valid: ${lines.join('; ')}`, { ...details, problems });
}

function withFix({ message, fix }: Problem): string {
  return fix === undefined ? message : `${message} (${fix.text.split('\n')[0] ?? ''})`;
}

/** Kubernetes' answer to a deletion. */
export function success(details: StatusDetails & { readonly uid?: string }): HttpResponse {
  return json(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

/** `Warning` headers (RFC 7234, 5.5): kubectl prints them. At most ten, so that the head stays small. */
export function warningHeaders(problems: readonly Problem[]): { readonly warning?: readonly string[] } {
  if (problems.length === 0) return {};
  return {
    warning: problems
      .slice(0, 10)
      .map((problem) => `299 - "${escape(`[${problem.code}] ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`)}"`),
  };
}

function escape(text: string): string {
  return text
    .slice(0, 500)
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .replaceAll(/["\\]/g, '\\$&');
}
