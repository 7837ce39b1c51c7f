import { TYPE_URL } from '@meltemi/protos-types';
import type { DumpEntry } from '../config/dump.ts';
import { json, text, type AdminContext, type AdminEndpoint } from './context.ts';
import { applyMask, parseMask, type FieldMask } from './field-mask.ts';
import { nameFilter } from './name-filter.ts';

type Entry = Readonly<Record<string, unknown>>;
type Section = { readonly '@type': string } & Entry;

/** base64 of `[redacted]`, as Envoy writes it. */
const REDACTED = 'W3JlZGFjdGVkXQ==';

/** Envoy's `/config_dump`, in its own shape. Private keys are never in it. */
export const configDumpEndpoint: AdminEndpoint = {
  path: '/config_dump',
  help: 'dump current configs',
  params: {
    resource: 'The resource to dump: dynamic_listeners, dynamic_active_clusters, …',
    mask: 'The fields to show, of every resource when one kind is asked for: paths by comma, names by dot',
    name_regex: 'Dump only what has a matching name',
    include_eds: 'Dump endpoints as well',
  },
  write: false,
  handle(context, { query }) {
    const resource = query.get('resource');
    const named = nameFilter(query.get('name_regex'));
    if (named === undefined) return text(`INVALID_ARGUMENT: Error while parsing name_regex from ${query.get('name_regex')}\n`, 400);
    const sections = dumpSections(context, query.has('include_eds') || (resource ?? '').includes('endpoint'), named);
    const mask = parseMask(query.get('mask') ?? '');
    if (resource === null) return json({ configs: masked(sections, mask) });
    const found = sections.find((section) => resource in section);
    if (found === undefined) return text(`${resource} not found in config dump`, 404);
    const items = found[resource];
    if (!Array.isArray(items)) return text(`${resource} is not a repeated field. Use ?mask=${resource} to get only this field`, 400);
    const type = itemType(found['@type'], resource);
    return json({ configs: items.map((item: object) => applyMask({ '@type': type, ...item }, mask)) });
  },
};

/** As protobuf's JSON has it: a list without items is left out. */
function withoutEmpty(section: Section): object {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => !Array.isArray(value) || value.length > 0));
}

/** With a mask, only the sections that have something of it. */
function masked(sections: readonly Section[], mask: FieldMask): readonly unknown[] {
  if (Object.keys(mask).length === 0) return sections.map(withoutEmpty);
  return sections.map((section) => applyMask(section, mask)).filter((section) => Object.keys(section as object).length > 1);
}

const ITEM_TYPES: Readonly<Record<string, string>> = {
  dynamic_active_clusters: 'ClustersConfigDump.DynamicCluster',
  dynamic_warming_clusters: 'ClustersConfigDump.DynamicCluster',
  dynamic_endpoint_configs: 'EndpointsConfigDump.DynamicEndpointConfig',
  dynamic_listeners: 'ListenersConfigDump.DynamicListener',
  dynamic_route_configs: 'RoutesConfigDump.DynamicRouteConfig',
  dynamic_active_secrets: 'SecretsConfigDump.DynamicSecret',
};

function itemType(section: string, resource: string): string {
  const item = ITEM_TYPES[resource];
  return item === undefined ? section : `type.googleapis.com/envoy.admin.v3.${item}`;
}

function dumpSections(context: AdminContext, withEndpoints: boolean, named: (name: string) => boolean): readonly Section[] {
  const entries = (typeUrl: string): readonly DumpEntry[] => context.dump.entries(typeUrl).filter((entry) => named(entry.name));
  const { pending } = context.configState();
  const clusters = entries(TYPE_URL.cluster);
  const warming = (entry: DumpEntry): boolean => pending.clusters.includes(entry.name);
  const routes = entries(TYPE_URL.route).map((entry) => dynamic(entry, 'route_config', TYPE_URL.route));
  return [
    {
      '@type': section('BootstrapConfigDump'),
      bootstrap: { node: { ...context.node, user_agent_name: 'meltemi', user_agent_version: context.version } },
      last_updated: time(context.nowMs() - context.uptimeMs()),
    },
    {
      '@type': section('ClustersConfigDump'),
      version_info: version(clusters),
      dynamic_active_clusters: clusters.filter((entry) => !warming(entry)).map((entry) => dynamic(entry, 'cluster', TYPE_URL.cluster)),
      dynamic_warming_clusters: clusters.filter(warming).map((entry) => dynamic(entry, 'cluster', TYPE_URL.cluster)),
    },
    ...(withEndpoints
      ? [
          {
            '@type': section('EndpointsConfigDump'),
            dynamic_endpoint_configs: entries(TYPE_URL.endpoint).map((entry) => dynamic(entry, 'endpoint_config', TYPE_URL.endpoint)),
          },
        ]
      : []),
    {
      '@type': section('ListenersConfigDump'),
      version_info: version(entries(TYPE_URL.listener)),
      dynamic_listeners: entries(TYPE_URL.listener).map((entry) => listener(context, entry)),
    },
    { '@type': section('RoutesConfigDump'), dynamic_route_configs: routes },
    { '@type': section('SecretsConfigDump'), dynamic_active_secrets: entries(TYPE_URL.secret).map(secret) },
  ];
}

const section = (name: string): string => `type.googleapis.com/envoy.admin.v3.${name}`;
const time = (ms: number): string => new Date(ms).toISOString();
const version = (entries: readonly DumpEntry[]): string => entries.at(-1)?.version ?? '';

function dynamic(entry: DumpEntry, field: string, typeUrl: string): Entry {
  return {
    version_info: entry.version,
    [field]: { '@type': typeUrl, ...entry.json },
    last_updated: time(entry.updatedMs),
    ...failed(entry, typeUrl),
  };
}

function failed(entry: DumpEntry, typeUrl: string): Entry {
  if (entry.error === undefined) return {};
  const { message, version: refused, json: configuration, atMs } = entry.error;
  return {
    error_state: {
      failed_configuration: { '@type': typeUrl, ...configuration },
      last_update_attempt: time(atMs),
      details: message,
      version_info: refused,
    },
  };
}

/** A listener has its states inside. */
function listener(context: AdminContext, entry: DumpEntry): Entry {
  const state = { version_info: entry.version, listener: { '@type': TYPE_URL.listener, ...entry.json }, last_updated: time(entry.updatedMs) };
  const waiting = context.configState().pending.listeners.includes(entry.name);
  const unbound = context.listenerErrors().get(entry.name);
  return {
    name: entry.name,
    ...(entry.version === '' ? {} : { [waiting ? 'warming_state' : 'active_state']: state }),
    ...failed(entry, TYPE_URL.listener),
    ...(unbound === undefined ? {} : { error_state: { last_update_attempt: time(entry.updatedMs), details: unbound } }),
  };
}

function secret(entry: DumpEntry): Entry {
  return {
    name: entry.name,
    version_info: entry.version,
    last_updated: time(entry.updatedMs),
    secret: { '@type': TYPE_URL.secret, ...(redact(entry.json) as object) },
  };
}

/** Whatever stands under `private_key` (or another secret's field) goes. */
function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === 'private_key' || key === 'password' || key === 'generic_secret' ? { inline_bytes: REDACTED } : redact(inner),
    ]),
  );
}
