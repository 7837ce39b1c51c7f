import { nearest, type Config, type Gateway, type VirtualService } from '@meltemi/api';
import { hostsOverlap, resolveHost } from '@meltemi/match';
import { defineAnalyzer, type AnalysisContext, type AnalysisFinding } from '../../analyzer.ts';
import { gatewayKey } from '../../lookup.ts';

/** Gateways that are named must be there, and serve the hosts. */
export const gateways = defineAnalyzer({
  name: 'virtual-service/gateways',
  codes: ['KIA1102', 'IST0132'],
  reads: ['VirtualService', 'Gateway', 'mesh'],
  analyze(context) {
    const known = new Map(context.configs('Gateway').map((gateway) => [`${gateway.meta.namespace}/${gateway.meta.name}`, gateway]));
    return context.subjects('VirtualService').flatMap((config) => [...missing(config, known), ...unserved(context, config, known)]);
  },
});

type Known = ReadonlyMap<string, Config<Gateway>>;

function references(config: Config<VirtualService>): readonly (readonly [path: string, gateway: string])[] {
  const own = config.spec.gateways.map((gateway, index) => [`spec.gateways[${index}]`, gateway] as const);
  const inMatches = (['http', 'tls', 'tcp'] as const).flatMap((protocol) =>
    (config.spec[protocol] ?? []).flatMap((rule, at) =>
      (rule.match ?? []).flatMap((match, index) =>
        (match.gateways ?? []).map((gateway, nth) => [`spec.${protocol}[${at}].match[${index}].gateways[${nth}]`, gateway] as const),
      ),
    ),
  );
  return [...own, ...inMatches];
}

function missing(config: Config<VirtualService>, known: Known): readonly AnalysisFinding[] {
  return references(config).flatMap(([path, gateway]) => {
    const key = gatewayKey(gateway, config.meta.namespace);
    if (key === 'mesh' || known.has(key)) return [];
    const elsewhere = [...known.keys()].find((other) => other.endsWith(`/${gateway}`));
    const near = elsewhere ?? nearest(key, known.keys());
    return [
      {
        code: 'KIA1102' as const,
        config,
        path,
        message: `referenced gateway not found: "${gateway}"; there is no Gateway ${key}`,
        ...(near === undefined ? {} : { fix: { text: `Did you mean "${near}"?` } }),
      },
    ];
  });
}

function unserved(context: AnalysisContext, config: Config<VirtualService>, known: Known): readonly AnalysisFinding[] {
  const { namespace } = config.meta;
  const domain = context.mesh().domainSuffix;
  const served = config.spec.gateways.flatMap((gateway) => known.get(gatewayKey(gateway, namespace)) ?? []);
  if (served.length === 0 || config.spec.gateways.includes('mesh')) return [];
  const hosts = served.flatMap((gateway) =>
    gateway.spec.servers.flatMap((server) => server.hosts.flatMap((host) => hostFor(host, namespace, gateway.meta.namespace))),
  );
  return config.spec.hosts.flatMap((host, index) => {
    const full = resolveHost(host, namespace, domain);
    if (hosts.some((other) => hostsOverlap(other, full) || hostsOverlap(other, host))) return [];
    return [
      {
        code: 'IST0132' as const,
        config,
        path: `spec.hosts[${index}]`,
        message: `no gateway of this object serves "${host}"; they serve ${[...new Set(hosts)].join(', ')}`,
      },
    ];
  });
}

/** The host of a server entry `namespace/host`, when VirtualServices of a namespace may bind to it. */
function hostFor(entry: string, namespace: string, gatewayNamespace: string): readonly string[] {
  const slash = entry.indexOf('/');
  if (slash < 0) return [entry];
  const allowed = entry.slice(0, slash);
  return allowed === '*' || allowed === namespace || (allowed === '.' && gatewayNamespace === namespace) ? [entry.slice(slash + 1)] : [];
}
