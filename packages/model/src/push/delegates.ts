import type { Config, HttpMatchRequest, HttpRoute, StringMatch } from '@meltemi/api';
import { resolveHost } from '../hostname.ts';
import type { VirtualServiceSpec } from '../specs.ts';
import type { MeshConfig } from '../types/mesh-config.ts';
import { resolveGateway } from './gateway-ref.ts';
import { isVisibleIn, visibilityOf } from './visibility.ts';

type VirtualServiceConfig = Config<VirtualServiceSpec>;

/** An HTTP rule as it is in force: with what a delegate inherits, and where it stands. */
export interface HttpRule {
  readonly route: HttpRoute;
  /** The object that the rule stands in: the delegate's, for delegated rules. Short names have its namespace. */
  readonly source: VirtualServiceConfig;
  /** Place under `spec.http` of the source. */
  readonly index: number;
}

/** A VirtualService without hosts: its rules count only where another one delegates to it. */
export function isDelegate(config: VirtualServiceConfig): boolean {
  return config.spec.hosts.length === 0;
}

/** `namespace/name` of the delegate that a rule names; without a namespace it is the rule's own. */
export function delegateKey(delegate: NonNullable<HttpRoute['delegate']>, namespace: string): string {
  const named = delegate.namespace === undefined || delegate.namespace === '' ? namespace : delegate.namespace;
  return `${named}/${delegate.name ?? ''}`;
}

/** Why a rule of a delegate is not in force. */
export type DelegateFault = 'missing' | 'not-exported' | 'conflict' | 'too-many';

/** Pairs of matches that are compared for one VirtualService. Each may become a route of every proxy. */
const MAX_PAIRS = 100_000;

/** A rule that delegates, or one of the delegate's that cannot be joined to it: nothing of it is in force. */
export interface DroppedRule {
  readonly root: HttpRule;
  readonly fault: DelegateFault;
  /** The delegate's rule, for a conflict. */
  readonly delegated?: HttpRule;
}

/** The HTTP rules of a VirtualService with those of its delegates in the places where it hands over. */
export function httpRulesOf(
  config: VirtualServiceConfig,
  delegates: ReadonlyMap<string, VirtualServiceConfig>,
  mesh: MeshConfig,
): { readonly rules: readonly HttpRule[]; readonly dropped: readonly DroppedRule[] } {
  const rules: HttpRule[] = [];
  const dropped: DroppedRule[] = [];
  const budget = { left: MAX_PAIRS };
  const handOver = (root: HttpRule, delegate: VirtualServiceConfig): void => {
    const matches = absolute(root.route, config);
    for (const [index, route] of (delegate.spec.http ?? []).entries()) {
      const delegated: HttpRule = { route, source: delegate, index };
      budget.left -= Math.max(1, matches.length) * Math.max(1, route.match?.length ?? 0);
      const match = budget.left < 0 ? undefined : joinMatches(matches, absolute(route, delegate));
      if (match === undefined) dropped.push({ root, fault: budget.left < 0 ? 'too-many' : 'conflict', delegated });
      else
        rules.push({
          ...delegated,
          route: inherit(root.route, route, match, (host) => resolveHost(host, config.meta.namespace, mesh.domainSuffix)),
        });
    }
  };
  for (const [index, route] of (config.spec.http ?? []).entries()) {
    const root: HttpRule = { route, source: config, index };
    if (route.delegate === undefined) {
      rules.push(root);
      continue;
    }
    const delegate = delegates.get(delegateKey(route.delegate, config.meta.namespace));
    if (delegate === undefined) dropped.push({ root, fault: 'missing' });
    else if (!isExported(delegate, config.meta.namespace, mesh)) dropped.push({ root, fault: 'not-exported' });
    else handOver(root, delegate);
  }
  return { rules, dropped };
}

/** The matches of a rule, with complete names of gateways: what is joined has two namespaces. */
function absolute(route: HttpRoute, { meta }: VirtualServiceConfig): readonly HttpMatchRequest[] {
  return (route.match ?? []).map((match) =>
    match.gateways === undefined ? match : { ...match, gateways: match.gateways.map((gateway) => resolveGateway(gateway, meta.namespace)) },
  );
}

function isExported(delegate: VirtualServiceConfig, namespace: string, mesh: MeshConfig): boolean {
  const { exportTo } = delegate.spec;
  const list = exportTo === undefined || exportTo.length === 0 ? mesh.defaultVirtualServiceExportTo : exportTo;
  return isVisibleIn(visibilityOf(list, delegate.meta.namespace), namespace);
}

const INHERITED = ['rewrite', 'timeout', 'retries', 'fault', 'corsPolicy', 'headers'] as const;
const MIRRORS = ['mirror', 'mirrors', 'mirrorPercentage', 'mirrorPercent', 'mirror_percent'] as const;

/** The delegate's rule with what it leaves out taken from the rule that hands over. Hosts in the latter are of the latter's namespace. */
function inherit(root: HttpRoute, own: HttpRoute, match: readonly HttpMatchRequest[], resolve: (host: string) => string): HttpRoute {
  const { delegate: _, match: __, name: ___, ...rest } = root;
  const name = [root.name, own.name].filter((part) => part !== undefined && part !== '').join('-');
  const kept = Object.fromEntries([...INHERITED, ...MIRRORS].flatMap((field) => (rest[field] === undefined ? [] : [[field, rest[field]]])));
  const whole = <T extends { readonly host: string }>(destination: T): T => ({ ...destination, host: resolve(destination.host) });
  return {
    ...(kept as Partial<HttpRoute>),
    ...(root.mirror === undefined ? {} : { mirror: whole(root.mirror) }),
    ...(root.mirrors === undefined ? {} : { mirrors: root.mirrors.map((mirror) => ({ ...mirror, destination: whole(mirror.destination) })) }),
    ...own,
    ...(name === '' ? {} : { name }),
    ...(match.length === 0 ? {} : { match }),
  };
}

/** Each match of the delegate must lie within one of the root's; undefined: one of them does not. */
function joinMatches(root: readonly HttpMatchRequest[], own: readonly HttpMatchRequest[]): readonly HttpMatchRequest[] | undefined {
  if (root.length === 0) return own;
  if (own.length === 0) return root;
  const joined: HttpMatchRequest[] = [];
  for (const inner of own) {
    const fitting = root.filter((outer) => !conflicts(outer, inner));
    if (fitting.length === 0) return undefined;
    for (const outer of fitting) joined.push(joinMatch(outer, inner));
  }
  return joined;
}

const RECORDS = ['headers', 'withoutHeaders', 'queryParams', 'sourceLabels'] as const;

function joinMatch(outer: HttpMatchRequest, inner: HttpMatchRequest): HttpMatchRequest {
  const name = [outer.name, inner.name].filter((part) => part !== undefined && part !== '').join('-');
  const records = RECORDS.flatMap((field) =>
    outer[field] === undefined && inner[field] === undefined ? [] : [[field, { ...outer[field], ...inner[field] }] as const],
  );
  return { ...outer, ...inner, ...Object.fromEntries(records), ...(name === '' ? {} : { name }) };
}

function conflicts(outer: HttpMatchRequest, inner: HttpMatchRequest): boolean {
  const texts = (['uri', 'scheme', 'method', 'authority'] as const).some((field) => leaves(outer[field], inner[field]));
  const records = (['headers', 'withoutHeaders', 'queryParams'] as const).some((field) =>
    Object.entries(inner[field] ?? {}).some(([name, match]) => leaves(outer[field]?.[name], match)),
  );
  return texts || records || (outer.ignoreUriCase ?? false) !== (inner.ignoreUriCase ?? false) || selectsOthers(outer, inner);
}

/** Whether two matches choose different clients, ports or gateways. */
function selectsOthers(outer: HttpMatchRequest, inner: HttpMatchRequest): boolean {
  const differ = (a: unknown, b: unknown): boolean => a !== undefined && b !== undefined && a !== b;
  const labels = Object.entries(inner.sourceLabels ?? {}).some(([name, value]) => differ(outer.sourceLabels?.[name], value));
  const gateways = outer.gateways !== undefined && (inner.gateways ?? []).some((gateway) => outer.gateways?.includes(gateway) !== true);
  return labels || gateways || differ(outer.port, inner.port) || differ(outer.sourceNamespace, inner.sourceNamespace);
}

/** Whether the inner match takes anything that the outer one does not. What lies in a regular expression cannot be told: that counts as leaving. */
function leaves(outer: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (outer === undefined || inner === undefined) return false;
  if (outer.regex !== undefined || inner.regex !== undefined) return true;
  if (outer.exact !== undefined) return inner.exact !== outer.exact;
  const text = inner.exact ?? inner.prefix;
  if (outer.prefix !== undefined) return text?.startsWith(outer.prefix) !== true;
  // Presence alone: any comparison is within it.
  return false;
}

/** What of the delegations of some VirtualServices comes to nothing: rules that are dropped, and delegates that nobody names. */
export function delegations(
  configs: readonly VirtualServiceConfig[],
  mesh: MeshConfig,
): { readonly dropped: readonly DroppedRule[]; readonly idle: readonly VirtualServiceConfig[] } {
  const delegates = new Map(configs.filter(isDelegate).map((config) => [`${config.meta.namespace}/${config.meta.name}`, config]));
  const roots = configs.filter((config) => !isDelegate(config));
  const named = new Set(
    roots.flatMap(({ spec, meta }) =>
      (spec.http ?? []).flatMap(({ delegate }) => (delegate === undefined ? [] : [delegateKey(delegate, meta.namespace)])),
    ),
  );
  return {
    dropped: roots.flatMap((root) => httpRulesOf(root, delegates, mesh).dropped),
    idle: [...delegates].filter(([key]) => !named.has(key)).map(([, config]) => config),
  };
}
