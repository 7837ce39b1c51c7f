import type { Config } from '@meltemi/api';
import type { DestinationRuleSpec, DestinationRuleSubset, TrafficPolicy } from '../specs.ts';

type Tls = NonNullable<TrafficPolicy['tls']>;

/** TLS that BackendTLSPolicies ask for: at all ports of a Service, and at single ones. */
export interface BackendTls {
  readonly all: Tls | undefined;
  readonly ports: ReadonlyMap<number, Tls>;
  /** The rules that were made of the policies, oldest first. */
  readonly sources: readonly Config<DestinationRuleSpec>[];
}

/** What the rules that were made of the BackendTLSPolicies of one Service say, oldest first. */
export function backendTlsOf(sources: readonly Config<DestinationRuleSpec>[]): BackendTls {
  const policies = sources.flatMap(({ spec }) => spec.trafficPolicy ?? []);
  const ports = policies.flatMap(({ portLevelSettings = [] }) =>
    portLevelSettings.flatMap(({ port, tls }) => (tls === undefined ? [] : [{ port, tls }])),
  );
  return {
    all: policies.find(({ tls }) => tls !== undefined)?.tls,
    ports: new Map(ports.toReversed().map(({ port, tls }) => [port.number ?? 0, tls])),
    sources,
  };
}

/** A policy with the TLS that it does not speak of itself: calls of the backend must not fall back to plain text because of another setting. */
export function secured(policy: TrafficPolicy | undefined, backend: BackendTls): TrafficPolicy {
  const { portLevelSettings = [], ...whole } = policy ?? {};
  const { loadBalancer, connectionPool, outlierDetection } = whole;
  const named = new Set(portLevelSettings.map(({ port }) => port.number));
  // A port's settings inherit nothing: those made for TLS bring along what holds for all ports.
  const others = Object.fromEntries(Object.entries({ loadBalancer, connectionPool, outlierDetection }).filter(([, block]) => block !== undefined));
  const added = whole.tls === undefined ? [...backend.ports].filter(([number]) => !named.has(number)) : [];
  const ports = [...securedPorts(portLevelSettings, backend), ...added.map(([number, tls]) => ({ ...others, port: { number }, tls }))];
  return {
    ...whole,
    ...(whole.tls === undefined && backend.all !== undefined ? { tls: backend.all } : {}),
    ...(ports.length === 0 ? {} : { portLevelSettings: ports }),
  };
}

/** A subset with the same TLS at ports that it has settings for. */
export function securedSubset(subset: DestinationRuleSubset, backend: BackendTls): DestinationRuleSubset {
  const ports = subset.trafficPolicy?.portLevelSettings;
  if (ports === undefined) return subset;
  return { ...subset, trafficPolicy: { ...subset.trafficPolicy, portLevelSettings: securedPorts(ports, backend) } };
}

type PortSettings = NonNullable<TrafficPolicy['portLevelSettings']>;

function securedPorts(settings: PortSettings, { all, ports }: BackendTls): PortSettings {
  return settings.map((entry) => {
    const tls = entry.tls ?? ports.get(entry.port.number ?? 0) ?? all;
    return tls === undefined ? entry : { ...entry, tls };
  });
}
