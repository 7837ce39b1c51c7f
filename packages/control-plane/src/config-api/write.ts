import { decodeObject, decodeYaml, toObject, toPublicObject, type Config, type KindDefinition } from '@meltemi/api';
import { shownKind, type Origin, type Problem } from '@meltemi/base';
import { json, type HttpRequest, type HttpResponse } from '@meltemi/http';
import type { PutResult, WritableConfigStore, WriteOptions } from '@meltemi/registry';
import { withOrigin, withoutOrigin } from './origin.ts';
import { mergePatch } from './merge-patch.ts';
import { invalid, StatusError, warningHeaders } from './status.ts';

/** What a write needs to know. */
export interface WriteContext {
  readonly store: WritableConfigStore;
  /** What would be wrong with an object in the mesh as it is; told as warnings, never a refusal. */
  readonly review: (config: Config) => readonly Problem[];
}

/** One object by its REST path. */
export interface Target {
  readonly kind: KindDefinition;
  readonly apiVersion: string;
  readonly namespace: string;
  /** Undefined for POST: the body names the object. */
  readonly name?: string;
}

/** `POST`: 201, or 409 when the object exists. */
export async function create(context: WriteContext, target: Target, request: HttpRequest): Promise<HttpResponse> {
  const { config, problems } = await readObject(target, request);
  return put(context, target, request, config, problems, { expectAbsent: true });
}

/** `PUT`: replaces an object that is there; its resourceVersion, when given, must be the stored one. */
export async function replace(context: WriteContext, target: Target, request: HttpRequest): Promise<HttpResponse> {
  existing(context, target);
  const { config, problems } = await readObject(target, request);
  return put(context, target, request, config, problems, seenVersion(config));
}

/**
 * `PATCH`. Server-side apply (`application/apply-patch+yaml`) takes the whole object, creates it or puts it in the place of the old
 * one: one manager owns every field. A resourceVersion in it is server-made metadata of an export, and not compared. A JSON merge patch (RFC 7396) changes an object that is there.
 */
export async function patch(context: WriteContext, target: Target, request: HttpRequest): Promise<HttpResponse> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/apply-patch+yaml') {
    const { config, problems } = await readObject(target, request);
    return put(context, target, request, config, problems);
  }
  if (type !== 'application/merge-patch+json') {
    throw new StatusError(
      'UnsupportedMediaType',
      `a patch of type "${type ?? ''}" is not supported; use application/apply-patch+yaml or application/merge-patch+json`,
    );
  }
  const merged = mergePatch(toObject(existing(context, target)), await request.json());
  const { config, problems } = checkTarget(target, decodeObject(merged, originOf(request), { defaultNamespace: target.namespace }));
  return put(context, target, request, config, problems, seenVersion(config));
}

/** The stored object, or 404. */
export function existing(context: { readonly store: WritableConfigStore }, target: Target): Config {
  const name = target.name ?? '';
  const config = context.store.get({ kind: target.kind.tag, namespace: target.namespace, name });
  if (config === undefined) throw new StatusError('NotFound', `${target.kind.plural} "${name}" not found`, details(target, name));
  return config;
}

/** The object in the version that was asked for. */
export function inVersion(target: Target, config: Config): unknown {
  return toPublicObject(withOrigin({ ...config, apiVersion: target.apiVersion }));
}

export function details(target: Target, name: string): { readonly name: string; readonly group: string; readonly kind: string } {
  return { name, group: target.kind.id.group, kind: target.kind.plural };
}

/** Whether nothing is to be kept: `?dryRun=All`. */
export function isDryRun(request: HttpRequest): boolean {
  const dryRun = request.query.get('dryRun');
  if (dryRun !== null && dryRun !== '' && dryRun !== 'All') throw new StatusError('BadRequest', `dryRun must be All, not "${dryRun}"`);
  return dryRun === 'All';
}

/** The version that the writer has seen, when it says so. */
function seenVersion({ meta: { resourceVersion } }: Config): WriteOptions {
  return resourceVersion === undefined ? {} : { expectResourceVersion: resourceVersion };
}

async function put(
  ...[context, target, request, config, problems, expected = {}]: [WriteContext, Target, HttpRequest, Config, readonly Problem[], WriteOptions?]
): Promise<HttpResponse> {
  const result: PutResult = await context.store.put(config, { ...expected, dryRun: isDryRun(request) });
  const warnings = [...problems, ...context.review(result.config)];
  const answer = json(result.t === 'created' ? 201 : 200, inVersion(target, result.config), { 'meltemi-result': result.t });
  return { ...answer, headers: { ...answer.headers, ...warningHeaders(warnings) } };
}

async function readObject(target: Target, request: HttpRequest): Promise<{ readonly config: Config; readonly problems: readonly Problem[] }> {
  const text = await request.text();
  const origin = originOf(request);
  // JSON is YAML; the reader of YAML gives places also in a body of one object.
  const decoded = decodeYaml(text, { source: origin.source, defaultNamespace: target.namespace === '' ? 'default' : target.namespace });
  if (decoded.documents.length > 1) throw new StatusError('BadRequest', `the body must hold one object, but holds ${decoded.documents.length}`);
  const problems = decoded.problems.map((problem) => ({ ...problem, origin: origin.file === undefined ? (problem.origin ?? origin) : origin }));
  const config = decoded.configs[0];
  return checkTarget(target, config === undefined ? { problems } : { config: { ...config, origin }, problems });
}

function checkTarget(
  target: Target,
  decoded: { readonly config?: Config; readonly problems: readonly Problem[] },
): { readonly config: Config; readonly problems: readonly Problem[] } {
  const { config, problems } = decoded;
  if (config === undefined) {
    if (problems.length === 0) throw new StatusError('BadRequest', 'the body holds no object');
    throw invalid(problems, { name: target.name ?? problems[0]?.object?.name ?? '', group: target.kind.id.group, kind: target.kind.id.kind });
  }
  const wrong =
    config.kind !== target.kind.tag
      ? `a ${shownKind(config.kind)} of ${config.apiVersion} cannot be written to ${target.kind.plural}`
      : config.meta.namespace !== target.namespace
        ? `the namespace of the object (${config.meta.namespace}) is not that of the request (${target.namespace})`
        : target.name !== undefined && config.meta.name !== target.name
          ? `the name of the object (${config.meta.name}) is not that of the request (${target.name})`
          : undefined;
  if (wrong !== undefined) throw new StatusError('BadRequest', wrong);
  return { config: withoutOrigin(config), problems };
}

/** The user's file and line, when the client tells them (`meltemi-origin: bookinfo.yaml:12`), so that problems found later can name them. */
function originOf(request: HttpRequest): Origin {
  const header = request.headers['meltemi-origin'];
  const match = typeof header === 'string' ? /^(.{1,500}):(\d{1,7})$/.exec(decode(header)) : null;
  return match === null ? { source: 'api' } : { source: 'api', file: match[1] ?? '', line: Number(match[2]) };
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
