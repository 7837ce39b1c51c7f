import { compareByAge, configKey, type Config } from '@meltemi/api';
import { backendTlsOf, secured, securedSubset, type BackendTls } from './backend-tls.ts';
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
  /** `namespace/hostname` of a Service → what its BackendTLSPolicies ask of every caller, whichever rule is in force for that one. */
  readonly backends: ReadonlyMap<string, BackendTls>;
}

/** Merges and indexes all DestinationRules. Merged rules whose sources did not change are taken over from `previous`. */
export function buildDestinationRuleTable(
  rules: readonly Config<DestinationRuleSpec>[],
  mesh: MeshConfig,
  previous?: DestinationRuleTable,
): DestinationRuleTable {
  const groups = new Map<string, Config<DestinationRuleSpec>[]>();
  const policies = new Map<string, Config<DestinationRuleSpec>[]>();
  for (const rule of [...rules].sort(compareByAge)) {
    if (isDerived(rule.meta.name)) push(policies, `${rule.meta.namespace}/${rule.spec.host}`, rule);
    else push(groups, groupKey(rule, mesh), rule);
  }
  const kept = new Map(rulesOf(previous).map((rule) => [sourceKey(rule.sources), rule]));
  const byNamespace = new Map<string, Map<string, MergedDestinationRule[]>>();
  for (const sources of groups.values()) {
    const before = kept.get(sourceKey(sources));
    const merged = before !== undefined && sameItems(before.sources, sources) ? before : merge(sources, mesh);
    let hosts = byNamespace.get(merged.namespace);
    if (hosts === undefined) byNamespace.set(merged.namespace, (hosts = new Map()));
    push(hosts, merged.host, merged);
  }
  return { byNamespace, backends: backendsOf(policies, previous) };
}

function backendsOf(
  policies: ReadonlyMap<string, readonly Config<DestinationRuleSpec>[]>,
  previous: DestinationRuleTable | undefined,
): DestinationRuleTable['backends'] {
  const backends = new Map<string, BackendTls>();
  for (const [service, sources] of policies) {
    const before = previous?.backends.get(service);
    backends.set(service, before !== undefined && sameItems(before.sources, sources) ? before : backendTlsOf(sources));
  }
  return backends;
}

function rulesOf(table: DestinationRuleTable | undefined): readonly MergedDestinationRule[] {
  return [...(table?.byNamespace.values() ?? [])].flatMap((hosts) => [...hosts.values()].flat());
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
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
  const subsets = new Map<string, MergedDestinationRule['subsets'][number]>();
  for (const source of sources) {
    for (const [index, subset] of (source.spec.subsets ?? []).entries())
      if (!subsets.has(subset.name)) subsets.set(subset.name, { subset, source, index });
  }
  const withPolicy = sources.find((source) => source.spec.trafficPolicy !== undefined);
  const policy = withPolicy?.spec.trafficPolicy;
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
 * level with a match wins entirely. Within a level the most specific host, then a rule that selects the client, then the oldest. The TLS that
 * BackendTLSPolicies ask for is added to whichever it is; the same object for the same rule and policies.
 */
export function destinationRuleFor(
  context: Pick<PushContext, 'destinationRules' | 'mesh'>,
  client: { readonly namespace: string; readonly labels: Labels },
  service: Pick<Service, 'hostname' | 'namespace'>,
): MergedDestinationRule | undefined {
  const rule = writtenRuleFor(context, client, service);
  const { backends } = context.destinationRules;
  const backend = backends.size === 0 ? undefined : backends.get(`${service.namespace}/${service.hostname}`);
  return backend === undefined ? rule : securedRule(rule, backend, service);
}

/** By policies, and by rule; the policies themselves stand for no rule. */
const securedRules = new WeakMap<BackendTls, WeakMap<object, MergedDestinationRule>>();

function securedRule(
  rule: MergedDestinationRule | undefined,
  backend: BackendTls,
  service: Pick<Service, 'hostname' | 'namespace'>,
): MergedDestinationRule {
  let known = securedRules.get(backend);
  if (known === undefined) securedRules.set(backend, (known = new WeakMap()));
  let made = known.get(rule ?? backend);
  if (made === undefined) known.set(rule ?? backend, (made = makeSecured(rule ?? emptyRule(service), backend)));
  return made;
}

function makeSecured(rule: MergedDestinationRule, backend: BackendTls): MergedDestinationRule {
  const { trafficPolicy } = rule;
  const source = trafficPolicy?.source ?? backend.sources[0];
  return {
    ...rule,
    subsets: rule.subsets.map((entry) => ({ ...entry, subset: securedSubset(entry.subset, backend) })),
    ...(source === undefined ? {} : { trafficPolicy: { policy: secured(trafficPolicy?.policy, backend), source } }),
    sources: [...rule.sources, ...backend.sources],
  };
}

function emptyRule({ hostname, namespace }: Pick<Service, 'hostname' | 'namespace'>): MergedDestinationRule {
  return { host: hostname, namespace, visibility: visibilityOf(['*'], namespace), workloadSelector: {}, subsets: [], sources: [] };
}

function writtenRuleFor(
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
