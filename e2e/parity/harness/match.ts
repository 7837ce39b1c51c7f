import type { Expected } from '../define.ts';
import type { Expectation, ExpectedRequest, ExpectedResponse } from '../steps.ts';
import type { SeenResponse } from '../client/responses.ts';
import type { StepObservation } from './observation.ts';

/** Something that is not as it should be. `path` is that of the observation: `0.responses.0.status`. */
export interface Mismatch {
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Compares what a step showed with what it must show. */
export function mismatches(shown: StepObservation, expect: Expectation, path: string): Mismatch[] {
  const found: Mismatch[] = [];
  const join = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (shown.error !== undefined) found.push({ path: join('error'), expected: undefined, actual: shown.error });
  found.push(...responseMismatches(shown, expect, join));
  for (const [index, request] of requestsOf(expect).entries()) {
    found.push(...requestMismatches(shown.backend?.[index], request, join(`backend.${index}`)));
  }
  if (expect.backend !== undefined && (shown.backend?.length ?? 0) !== requestsOf(expect).length) {
    found.push({ path: join('backend.length'), expected: requestsOf(expect).length, actual: shown.backend?.length ?? 0 });
  }
  const { connection, received, verdict } = expect;
  const fate = connection === 'ended' && (shown.connection === 'closed' || shown.connection === 'reset') ? 'ended' : shown.connection;
  if (connection !== undefined) found.push(...value(fate, connection, join('connection')));
  if (received !== undefined) found.push(...value(shown.received, received, join('received')));
  if (verdict !== undefined) found.push(...value(shown.verdict, verdict, join('verdict')));
  if (expect.admin !== undefined && JSON.stringify(shown.admin) !== JSON.stringify(expect.admin))
    found.push({ path: join('admin'), expected: expect.admin, actual: shown.admin });
  if (expect.collected !== undefined) found.push(...partly(shown.collected ?? [], expect.collected, join('collected')));
  if (expect.interim !== undefined) found.push(...value((shown.interim ?? []).join(), expect.interim.join(), join('interim')));
  if (expect.rst !== undefined) found.push(...value(shown.rst?.join(), expect.rst, join('rst')));
  if (expect.tls !== undefined) found.push(...tlsMismatches(shown.tls as Record<string, unknown> | undefined, expect.tls, join('tls')));
  return found;
}

/** Members that are told must be as told; regular expressions match, null = absent. Lists are told whole. */
function partly(actual: unknown, expected: unknown, path: string): Mismatch[] {
  if (expected instanceof RegExp) return value(actual as string, expected, path);
  if (typeof expected !== 'object' || expected === null) {
    const same = expected === null ? actual === undefined || actual === null : actual === expected;
    return same ? [] : [{ path, expected, actual }];
  }
  const shown = (typeof actual === 'object' && actual !== null ? actual : {}) as Readonly<Record<string, unknown>>;
  const found = Object.entries(expected).flatMap(([name, item]) => partly(shown[name], item, `${path}.${name}`));
  if (Array.isArray(expected) && (!Array.isArray(actual) || actual.length !== expected.length))
    found.push({ path: `${path}.length`, expected: expected.length, actual: Array.isArray(actual) ? actual.length : actual });
  return found;
}

function tlsMismatches(shown: Record<string, unknown> | undefined, { refused, ...rest }: NonNullable<Expectation['tls']>, path: string): Mismatch[] {
  const found = record(shown ?? {}, rest, path);
  if (refused !== undefined) found.push(...value(shown?.['refused'] !== undefined, refused, `${path}.refused`));
  return found;
}

function responseMismatches(shown: StepObservation, expect: Expectation, join: (name: string) => string): Mismatch[] {
  const { status, headers, body, trailers, complete } = expect;
  const own: ExpectedResponse = {
    ...(status === undefined ? {} : { status }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(trailers === undefined ? {} : { trailers }),
    ...(complete === undefined ? {} : { complete }),
  };
  const wanted = expect.responses ?? (Object.keys(own).length > 0 ? [own] : undefined);
  if (wanted === undefined) return [];
  const found = wanted.flatMap((response, index) => oneResponse(shown.responses?.[index], response, join(`responses.${index}`)));
  const count = shown.responses?.length ?? 0;
  if (count !== wanted.length) found.push({ path: join('responses.length'), expected: wanted.length, actual: count });
  return found;
}

function oneResponse(shown: SeenResponse | undefined, expect: ExpectedResponse, path: string): Mismatch[] {
  if (shown === undefined) return [{ path, expected: expect, actual: undefined }];
  const { status, headers, body, trailers, complete } = expect;
  return [
    ...(status === undefined ? [] : value(shown.status, status, `${path}.status`)),
    ...record(shown.headers, headers ?? {}, `${path}.headers`),
    ...(body === undefined ? [] : value(shown.body, body, `${path}.body`)),
    ...record(shown.trailers, trailers ?? {}, `${path}.trailers`),
    ...(complete === undefined ? [] : value(shown.complete, complete, `${path}.complete`)),
  ];
}

/** The requests that backends must have got. */
export function requestsOf({ backend }: Expectation): readonly ExpectedRequest[] {
  if (backend === undefined || backend === null) return [];
  return Array.isArray(backend) ? (backend as readonly ExpectedRequest[]) : [backend as ExpectedRequest];
}

function requestMismatches(shown: ExpectedRequest | undefined, expect: ExpectedRequest, path: string): Mismatch[] {
  if (shown === undefined) return [{ path, expected: expect, actual: undefined }];
  const { headers = {}, trailers = {}, ...rest } = expect;
  return [
    ...record(shown as Record<string, unknown>, rest, path),
    ...record(shown.headers as Record<string, unknown>, headers, `${path}.headers`),
    ...record(shown.trailers as Record<string, unknown>, trailers, `${path}.trailers`),
  ];
}

/** Compares the named members only. */
export function record(shown: Readonly<Record<string, unknown>>, expect: Readonly<Record<string, Expected | undefined>>, path: string): Mismatch[] {
  return Object.entries(expect).flatMap(([name, expected]) => (expected === undefined ? [] : value(shown[name], expected, `${path}.${name}`)));
}

function value(shown: unknown, expected: Expected, path: string): Mismatch[] {
  const holds =
    expected instanceof RegExp
      ? typeof shown === 'string' && expected.test(shown)
      : expected === null
        ? shown === undefined || shown === null
        : shown === expected;
  return holds ? [] : [{ path, expected: expected instanceof RegExp ? String(expected) : expected, actual: shown }];
}
