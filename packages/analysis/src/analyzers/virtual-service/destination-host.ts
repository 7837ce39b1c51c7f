import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';
import { destinationsOf, serviceLookup } from '../../lookup.ts';

/** Destinations must be services, and name a port that they have. Calls to an unknown one fail with 503 (flag NC). */
export const destinationHost = defineAnalyzer({
  name: 'virtual-service/destination-host',
  codes: ['KIA1101', 'IST0112', 'MEL0201'],
  reads: ['VirtualService', 'services', 'mesh'],
  analyze(context) {
    const lookup = serviceLookup(context);
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('VirtualService')) {
      for (const { path, host, port } of destinationsOf(config)) {
        const service = lookup.find(host, config.meta.namespace);
        if (service === undefined) {
          const fix = lookup.suggest(host, config.meta.namespace);
          const message = `referenced host not found: "${host}"; no Service and no ServiceEntry has it`;
          findings.push({ code: 'KIA1101', config, path: `${path}.host`, message, fix });
          continue;
        }
        const numbers = service.ports.map((known) => known.number);
        if (port === undefined && numbers.length > 1) {
          findings.push({
            code: 'IST0112',
            config,
            path,
            message: `"${host}" has the ports ${numbers.join(', ')}; say which one`,
            fix: { text: `Add port: { number: ${numbers[0] ?? 80} } under destination.` },
          });
        } else if (port !== undefined && !numbers.includes(port)) {
          findings.push({
            code: 'MEL0201',
            config,
            path: `${path}.port.number`,
            message: `"${host}" has no port ${port}; it has ${numbers.join(', ')}`,
            fix: { text: `Write number: ${numbers[0] ?? 80}.` },
          });
        }
      }
    }
    return findings;
  },
});
