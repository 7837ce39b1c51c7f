import { compareByAge, configKey, type Config } from '@meltemi/api';
import { backendTlsOf, secured, securedSubset } from './backend-tls.ts';
import { isDerived } from '../gateway-api/derived.ts';
import { resolveHost, wildcardsOf } from '../hostname.ts';
import { labelsMatch } from '../labels.ts';
import type { DestinationRuleSpec, DestinationRuleSubset, TrafficPolicy } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import type { Labels, Service } from '../types/service.ts';
import type { PushContext } from './push-context.ts';
import { isVisibleIn, push, visibilityOf, type Visibility } from './visibility.ts';

/** One or more DestinationRules of one host and namespace, merged. */
export interface MergedDestinationRule {
  readonly host: string;
  readonly namespace: string;
  readonly visibility: Visibility;
  readonly workloadSelector: Labels;
  readonly subsets: readonly { readonly subset: DestinationRuleSubset; readonly source: Config<DestinationRuleSpec>; readonly index: number }[];
  readonly trafficPolicy?: { readonly policy: TrafficPolicy; readonly source: Config<DestinationRuleSpec> };
  /** Oldest first. */
  readonly sources: readonly Config<DestinationRuleSpec>[];
}

export interface DestinationRuleTable {
  /** namespace → host → rules, oldest first (several when selectors or exportTo differ). */
  readonly byNamespace: ReadonlyMap<string, ReadonlyMap<string, readonly MergedDestinationRule[]>>;
}

/** Merges and indexes all DestinationRules. Merged rules whose sources did not change are taken over from `previous`. */
export function buildDestinationRuleTable(
  rules: readonly Config<DestinationRuleSpec>[],
  mesh: MeshConfig,
  previous?: DestinationRuleTable,
): DestinationRuleTable {
  const groups = new Map<string, Config<DestinationRuleSpec>[]>();
  for (const rule of [...rules].sort(compareByAge)) push(groups, groupKey(rule, mesh), rule);
  const kept = new Map<string, MergedDestinationRule>();
  for (const hosts of previous?.byNamespace.values() ?? [])
    for (const list of hosts.values()) for (const rule of list) kept.set(sourceKey(rule.sources), rule);
  const byNamespace = new Map<string, Map<string, MergedDestinationRule[]>>();
  for (const sources of groups.values()) {
    const before = kept.get(sourceKey(sources));
    const merged = before !== undefined && before.sources.every((source, i) => source === sources[i]) ? before : merge(sources, mesh);
    let hosts = byNamespace.get(merged.namespace);
    if (hosts === undefined) byNamespace.set(merged.namespace, (hosts = new Map()));
    push(hosts, merged.host, merged);
  }
  return { byNamespace };
}

function sourceKey(sources: readonly Config[]): string {
  return sources.map(configKey).join();
}

/** Rules merge only when they are seen by the same namespaces and select the same clients. */
function groupKey(rule: Config<DestinationRuleSpec>, mesh: MeshConfig): string {
  const { namespace } = rule.meta;
  const selector = Object.entries(rule.spec.workloadSelector?.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    namespace,
    resolveHost(rule.spec.host, namespace, mesh.domainSuffix),
    visibilityOf(exportToOf(rule, mesh), namespace),
    selector,
  ]);
}

function exportToOf(rule: Config<DestinationRuleSpec>, mesh: MeshConfig): readonly string[] {
  const { exportTo } = rule.spec;
  return exportTo === undefined || exportTo.length === 0 ? mesh.defaultDestinationRuleExportTo : exportTo;
}

function merge(sources: readonly Config<DestinationRuleSpec>[], mesh: MeshConfig): MergedDestinationRule {
  const first = sources[0] as Config<DestinationRuleSpec>;
  const { namespace } = first.meta;
  const backendTls = backendTlsOf(sources);
  const subsets = new Map<string, MergedDestinationRule['subsets'][number]>();
  for (const source of sources) {
    for (const [index, subset] of (source.spec.subsets ?? []).entries())
      if (!subsets.has(subset.name)) subsets.set(subset.name, { subset: securedSubset(subset, backendTls), source, index });
  }
  const withPolicies = sources.filter((source) => source.spec.trafficPolicy !== undefined);
  const withPolicy = withPolicies.find(({ meta }) => !isDerived(meta.name)) ?? withPolicies[0];
  const policy = secured(withPolicy === undefined || isDerived(withPolicy.meta.name) ? undefined : withPolicy.spec.trafficPolicy, backendTls);
  return {
    host: resolveHost(first.spec.host, namespace, mesh.domainSuffix),
    namespace,
    visibility: visibilityOf(exportToOf(first, mesh), namespace),
    workloadSelector: first.spec.workloadSelector?.matchLabels ?? {},
    subsets: [...subsets.values()],
    ...(policy === undefined || withPolicy === undefined ? {} : { trafficPolicy: { policy, source: withPolicy } }),
    sources,
  };
}

/**
 * The rule for a client's calls of a service: one of the client's namespace, else of the service's, else of the root namespace; the first
 * level with a match wins entirely. Within a level the most specific host, then a rule that selects the client, then the oldest.
 */
export function destinationRuleFor(
  context: Pick<PushContext, 'destinationRules' | 'mesh'>,
  client: { readonly namespace: string; readonly labels: Labels },
  service: Pick<Service, 'hostname' | 'namespace'>,
): MergedDestinationRule | undefined {
  const root = context.mesh.rootNamespace;
  // In the root namespace every rule would be everybody's default: as a client of its own only its private ones count here.
  const own = (rule: MergedDestinationRule): boolean =>
    (client.namespace !== root && exported(rule)) ||
    (rule.visibility.t === 'namespaces' && rule.visibility.namespaces.includes(root) && rule.visibility.namespaces.length === 1);
  const hostsOf = (namespace: string) => context.destinationRules.byNamespace.get(namespace);
  const exported = (rule: MergedDestinationRule): boolean => isVisibleIn(rule.visibility, client.namespace);
  return (
    findIn(hostsOf(client.namespace), service.hostname, client.labels, own) ??
    (service.namespace === client.namespace ? undefined : findIn(hostsOf(service.namespace), service.hostname, {}, exported)) ??
    findIn(hostsOf(root), service.hostname, {}, exported)
  );
}

function findIn(
  hosts: ReadonlyMap<string, readonly MergedDestinationRule[]> | undefined,
  hostname: string,
  labels: Labels,
  accept: (rule: MergedDestinationRule) => boolean,
): MergedDestinationRule | undefined {
  if (hosts === undefined) return undefined;
  for (const host of [hostname, ...wildcardsOf(hostname)]) {
    const fitting = hosts.get(host)?.filter((rule) => accept(rule) && labelsMatch(rule.workloadSelector, labels)) ?? [];
    const chosen = fitting.find((rule) => Object.keys(rule.workloadSelector).length > 0) ?? fitting[0];
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}
