import { compareByAge } from '@meltemi/api';
import { resolveHost } from '@meltemi/match';
import { defineAnalyzer, nameOf, namesOf, type AnalysisFinding } from '../../analyzer.ts';
import { gatewayKey, groupBy } from '../../lookup.ts';

/**
 * One host on one gateway should have one VirtualService. On sidecars they are not merged: the oldest is in force and the others do
 * nothing; on gateways their routes are strung together in order of age.
 */
export const sameHost = defineAnalyzer({
  name: 'virtual-service/same-host',
  codes: ['KIA1106'],
  reads: ['VirtualService', 'mesh'],
  analyze(context) {
    const domain = context.mesh().domainSuffix;
    const claims = [...context.configs('VirtualService')].sort(compareByAge).flatMap((config) =>
      config.spec.gateways.flatMap((gateway) => {
        const key = gatewayKey(gateway, config.meta.namespace);
        // A VirtualService that only its own namespace sees on the mesh is no rival to those of other namespaces.
        const scope = key === 'mesh' && config.spec.exportTo?.every((entry) => entry === '.') === true ? `mesh of ${config.meta.namespace}` : key;
        return config.spec.hosts.map((host, index) => ({
          config,
          index,
          gateway: key,
          host: resolveHost(host, config.meta.namespace, domain),
          scope,
        }));
      }),
    );
    const findings: AnalysisFinding[] = [];
    for (const group of groupBy(claims, (claim) => `${claim.scope} ${claim.host}`).values()) {
      const [oldest] = group;
      if (oldest === undefined || group.length < 2) continue;
      for (const { config, index, host, gateway } of group) {
        const others = group.filter((claim) => claim.config !== config).map((claim) => claim.config);
        if (others.length === 0) continue;
        const effect =
          gateway !== 'mesh'
            ? `the routes are strung together, ${nameOf(oldest.config)} first`
            : config === oldest.config
              ? 'this one is the oldest and in force'
              : `only the oldest is in force: ${nameOf(oldest.config)}`;
        findings.push({
          code: 'KIA1106',
          config,
          path: `spec.hosts[${index}]`,
          message: `"${host}" on ${gateway} has another VirtualService: ${namesOf(others)}; ${effect}`,
          fix: { text: 'Put the routes into one VirtualService.' },
        });
      }
    }
    return findings;
  },
});
