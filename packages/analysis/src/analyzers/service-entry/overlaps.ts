import { defineAnalyzer, namesOf, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

/** One host and port should be defined by one ServiceEntry. */
export const overlaps = defineAnalyzer({
  name: 'service-entry/overlaps',
  codes: ['KIA1211', 'KIA1212'],
  reads: ['ServiceEntry'],
  analyze(context) {
    const claims = context.configs('ServiceEntry').flatMap((config) =>
      config.spec.hosts.flatMap((host) =>
        (config.spec.ports ?? []).map((port, index) => ({
          config,
          host: host.toLowerCase(),
          port: port.number,
          protocol: (port.protocol ?? 'TCP').toUpperCase(),
          path: `spec.ports[${index}]`,
        })),
      ),
    );
    const findings: AnalysisFinding[] = [];
    for (const group of groupBy(claims, (claim) => `${claim.host} ${claim.port}`).values()) {
      const differ = new Set(group.map((claim) => claim.protocol)).size > 1;
      for (const { config, host, port, protocol, path } of group) {
        const others = group.filter((claim) => claim.config !== config).map((claim) => claim.config);
        if (others.length === 0) continue;
        const message = `"${host}" port ${port} (${protocol}) is defined by ${namesOf(others)} too${differ ? ', with another protocol' : ''}`;
        findings.push({
          code: differ ? 'KIA1212' : 'KIA1211',
          config,
          path,
          message,
          fix: { text: 'Define the port in one ServiceEntry, or under another host.' },
        });
      }
    }
    return findings;
  },
});
