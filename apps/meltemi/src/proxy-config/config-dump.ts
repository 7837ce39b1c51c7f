/** Reads Envoy's `/config_dump` shape, which both data planes answer, into rows for tables. Unknown parts are skipped, never fatal. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** The resources of one proxy, as it holds them. */
export interface ConfigDump {
  readonly clusters: readonly JsonObject[];
  readonly listeners: readonly JsonObject[];
  readonly routes: readonly JsonObject[];
  readonly endpoints: readonly JsonObject[];
  readonly secrets: readonly JsonObject[];
}

export function readConfigDump(dump: Json): ConfigDump {
  const sections = list(field(dump, 'configs'));
  const resources = (type: string, keys: readonly string[], inner: string): JsonObject[] =>
    sections
      .filter((section) => text(field(section, '@type')).endsWith(type))
      .flatMap((section) => keys.flatMap((key) => list(field(section, key))))
      .map((entry) =>
        inner === 'listener'
          ? (field(field(entry, 'active_state'), 'listener') ?? field(entry, 'listener'))
          : inner === ''
            ? entry
            : field(entry, inner),
      )
      .filter(isObject);
  return {
    clusters: resources('ClustersConfigDump', ['static_clusters', 'dynamic_active_clusters', 'dynamic_warming_clusters'], 'cluster'),
    listeners: resources('ListenersConfigDump', ['static_listeners', 'dynamic_listeners'], 'listener'),
    routes: resources('RoutesConfigDump', ['static_route_configs', 'dynamic_route_configs'], 'route_config'),
    endpoints: resources('EndpointsConfigDump', ['static_endpoint_configs', 'dynamic_endpoint_configs'], 'endpoint_config'),
    secrets: resources('SecretsConfigDump', ['static_secrets', 'dynamic_active_secrets', 'dynamic_warming_secrets'], ''),
  };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of an object, undefined of anything else. */
export function field(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) ? value[key] : undefined;
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** `VirtualService/bookinfo/reviews#spec.http[0]`: the object that a resource was made from. */
export function originOf(resource: Json | undefined): string {
  return text(field(field(field(field(resource, 'metadata'), 'filter_metadata'), 'meltemi.io'), 'origin'));
}
