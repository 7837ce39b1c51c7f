import { apiVersionOf, KINDS, type Config, type Json, type KindDefinition } from '@meltemi/api';
import type { Clock, Problem } from '@meltemi/base';
import { json, type HttpRequest, type HttpResponse, type Route } from '@meltemi/http';
import type { WritableConfigStore } from '@meltemi/registry';
import { createChangeLog, type ChangeLog } from './change-log.ts';
import { discoveryRoutes, groupPath } from './discovery.ts';
import { problemsRoute } from './problems-route.ts';
import { selectorOf } from './selectors.ts';
import { success, withStatus } from './status.ts';
import { tableOf, wantsTable } from './table.ts';
import { watchResponse } from './watch.ts';
import { create, details, existing, inVersion, isDryRun, patch, replace, type Target } from './write.ts';

export interface ConfigApiDeps {
  readonly store: WritableConfigStore;
  readonly clock: Clock;
  /** Version of Meltemi, for `/version`. */
  readonly version: string;
  /** What is wrong at the moment with the whole mesh, besides the store's own problems: the findings of analysis. */
  readonly problems?: () => readonly Problem[];
  /** What would be wrong with an object in the mesh as it is: told as warnings on writes. */
  readonly review?: (config: Config) => readonly Problem[];
  /** What the control plane says of an object, for kinds that have a `status` of ours; asked at each read. */
  readonly status?: (config: Config) => Json | undefined;
}

export interface ConfigApi {
  readonly routes: readonly Route[];
  close(): void;
}

interface Room {
  readonly deps: ConfigApiDeps;
  readonly log: ChangeLog;
}

/**
 * The configuration API in Kubernetes' REST shape: discovery, list, watch, get, create, replace, server-side apply, merge patch, delete,
 * `?dryRun=All`, `Table`. Writes answer with the header `meltemi-result: created|configured|unchanged`; a client that sends
 * `meltemi-origin: FILE:LINE` has its file named in problems. `GET /meltemi/v1/problems` lists what is wrong.
 */
export function createConfigApi(deps: ConfigApiDeps): ConfigApi {
  const room: Room = { deps, log: createChangeLog(deps.store) };
  const routes = [
    ...discoveryRoutes(deps.version),
    problemsRoute(deps),
    ...KINDS.flatMap((kind) => kind.id.versions.flatMap((version) => kindRoutes(room, kind, version))),
  ];
  return { routes, close: () => room.log.close() };
}

function kindRoutes(room: Room, kind: KindDefinition, version: string): Route[] {
  const base = groupPath(kind.id.group, version);
  const collection = kind.scope === 'Cluster' ? `${base}/${kind.plural}` : `${base}/namespaces/:namespace/${kind.plural}`;
  const apiVersion = apiVersionOf(kind.id, version);
  const target = (request: HttpRequest): Target => {
    const { namespace = '', name } = request.params;
    return { kind, apiVersion, namespace, ...(name === undefined ? {} : { name }) };
  };
  const write = { store: room.deps.store, review: room.deps.review ?? (() => []) };
  const routes: Route[] = [
    { method: 'GET', path: collection, handler: (request) => list(room, target(request), request) },
    { method: 'POST', path: collection, handler: (request) => create(write, target(request), request) },
    { method: 'GET', path: `${collection}/:name`, handler: (request) => get(room, target(request), request) },
    { method: 'PUT', path: `${collection}/:name`, handler: (request) => replace(write, target(request), request) },
    { method: 'PATCH', path: `${collection}/:name`, handler: (request) => patch(write, target(request), request) },
    { method: 'DELETE', path: `${collection}/:name`, handler: (request) => remove(room, target(request), request) },
  ];
  if (kind.scope === 'Namespaced')
    routes.push({ method: 'GET', path: `${base}/${kind.plural}`, handler: (request) => list(room, target(request), request) });
  return routes.map((route) => ({ ...route, handler: withStatus(route.handler) }));
}

function list(room: Room, target: Target, request: HttpRequest): HttpResponse {
  const selected = selectorOf(request.query);
  const kind = target.kind.tag;
  const matches = (config: Config): boolean =>
    config.kind === kind && (target.namespace === '' || config.meta.namespace === target.namespace) && selected(config);
  const current = (): readonly Config[] => room.deps.store.list(kind).filter(matches).toSorted(byName);
  const watch = request.query.get('watch');
  if (watch === 'true' || watch === '1') return watchResponse(room.log, { apiVersion: target.apiVersion, kind, matches, current }, request);
  return listResponse(room, target, current(), request);
}

function listResponse(room: Room, target: Target, stored: readonly Config[], request: HttpRequest): HttpResponse {
  const configs = stored.map((config) => withStatusOf(room, config));
  const resourceVersion = String(room.log.revision());
  if (wantsTable(request.headers.accept)) return json(200, tableOf(target.kind, configs, { resourceVersion, now: room.deps.clock.now() }));
  const items = configs.map((config) => inVersion(target, config));
  return json(200, { kind: `${target.kind.id.kind}List`, apiVersion: target.apiVersion, metadata: { resourceVersion }, items });
}

function get(room: Room, target: Target, request: HttpRequest): HttpResponse {
  const config = withStatusOf(room, existing(room.deps, target));
  if (wantsTable(request.headers.accept))
    return json(200, tableOf(target.kind, [config], { resourceVersion: String(room.log.revision()), now: room.deps.clock.now() }));
  return json(200, inVersion(target, config));
}

async function remove(room: Room, target: Target, request: HttpRequest): Promise<HttpResponse> {
  const config = existing(room.deps, target);
  const ref = { kind: config.kind, namespace: config.meta.namespace, name: config.meta.name };
  await room.deps.store.delete(ref, { dryRun: isDryRun(request) });
  return success({ ...details(target, config.meta.name), ...(config.meta.uid === undefined ? {} : { uid: config.meta.uid }) });
}

/** The object with what the control plane says of it, instead of what a client may have sent as status. */
function withStatusOf(room: Room, config: Config): Config {
  const status = room.deps.status?.(config);
  return status === undefined ? config : { ...config, status };
}

function byName(a: Config, b: Config): number {
  const left = `${a.meta.namespace}/${a.meta.name}`;
  const right = `${b.meta.namespace}/${b.meta.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
