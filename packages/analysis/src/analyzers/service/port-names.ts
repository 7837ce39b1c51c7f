import { labelsMatch } from '@meltemi/match';
import { parseProtocol, selectProtocol } from '@meltemi/model';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';
import { groupBy } from '../../lookup.ts';

const PROTOCOLS = ['grpc', 'grpc-web', 'http', 'http2', 'https', 'mongo', 'redis', 'tcp', 'tls', 'udp', 'mysql'];

/** A port whose name tells no protocol is proxied as opaque TCP: no routes, no HTTP metrics. Only services with workloads in the mesh. */
export const portNames = defineAnalyzer({
  name: 'service/port-names',
  codes: ['KIA0601', 'KIA0602'],
  reads: ['Service', 'workloads'],
  analyze(context) {
    const findings: AnalysisFinding[] = [];
    const workloads = groupBy(context.workloads(), (workload) => workload.namespace);
    for (const config of context.subjects('Service')) {
      const selector = config.spec.selector ?? {};
      const meshed =
        Object.keys(selector).length > 0 && workloads.get(config.meta.namespace)?.some((workload) => labelsMatch(selector, workload.labels)) === true;
      if (!meshed) continue;
      config.spec.ports?.forEach((port, index) => {
        const path = `spec.ports[${index}]`;
        if (port.appProtocol !== undefined) {
          if (parseProtocol(port.appProtocol) === undefined)
            findings.push({
              code: 'KIA0602',
              config,
              path: `${path}.appProtocol`,
              message: `"${port.appProtocol}" is not a protocol; known are ${PROTOCOLS.join(', ')}`,
              fix: { text: 'Write one of them.' },
            });
          return;
        }
        const { name } = port;
        if (selectProtocol({ number: port.port, ...(name === undefined ? {} : { name }), transport: port.protocol }) !== 'unknown') return;
        const shown = name === undefined ? 'a port without a name' : `the port name "${name}"`;
        findings.push({
          code: 'KIA0601',
          config,
          path,
          message: `${shown} tells no protocol, so the port is proxied as opaque TCP`,
          fix: {
            text: `Name it <protocol>-…, for example name: http${name === undefined ? '' : `-${name}`}; protocols are ${PROTOCOLS.join(', ')}.`,
          },
        });
      });
    }
    return findings;
  },
});
