import { defineAnalyzer, namesOf, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

/** Two Gateways of the same workloads should not claim one host on one port. */
export const sameHost = defineAnalyzer({
  name: 'gateway/same-host',
  codes: ['KIA0301'],
  reads: ['Gateway'],
  analyze(context) {
    const claims = context.configs('Gateway').flatMap((config) => {
      const workloads = JSON.stringify(Object.entries(config.spec.selector ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
      return config.spec.servers.flatMap((server, index) =>
        server.hosts.map((host, at) => ({
          config,
          key: `${workloads} ${server.port.number} ${host}`,
          host,
          port: server.port.number,
          path: `spec.servers[${index}].hosts[${at}]`,
        })),
      );
    });
    const findings: AnalysisFinding[] = [];
    for (const group of groupBy(claims, (claim) => claim.key).values()) {
      for (const { config, host, port, path } of group) {
        const others = group.filter((claim) => claim.config !== config).map((claim) => claim.config);
        if (others.length > 0)
          findings.push({
            code: 'KIA0301',
            config,
            path,
            message: `"${host}" on port ${port} is claimed by another Gateway of the same workloads: ${namesOf(others)}`,
            fix: { text: 'Name the host in one Gateway only.' },
          });
      }
    }
    return findings;
  },
});
