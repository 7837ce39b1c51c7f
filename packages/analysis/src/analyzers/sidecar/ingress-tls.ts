import { labelsMatch } from '@meltemi/match';
import { buildPeerAuthenticationTable, effectiveMtls } from '@meltemi/model';
import { defineAnalyzer } from '../../analyzer.ts';

/** TLS of a Sidecar's port is in force only where the port has no mutual TLS of the mesh. */
export const ingressTls = defineAnalyzer({
  name: 'sidecar/ingress-tls',
  codes: ['MEL0207'],
  reads: ['Sidecar', 'PeerAuthentication', 'workloads', 'mesh'],
  analyze(context) {
    const peerAuthentications = buildPeerAuthenticationTable(context.configs('PeerAuthentication'), context.mesh().rootNamespace);
    return context.subjects('Sidecar').flatMap((config) => {
      const { namespace } = config.meta;
      const selector = config.spec.workloadSelector?.labels ?? {};
      const own = context.workloads().filter((workload) => workload.namespace === namespace && labelsMatch(selector, workload.labels));
      return (config.spec.ingress ?? []).flatMap(({ tls, port }, index) => {
        const mutual = tls === undefined ? undefined : own.find((one) => effectiveMtls({ peerAuthentications }, one, port.number).mode !== 'DISABLE');
        if (mutual === undefined) return [];
        return [
          {
            code: 'MEL0207' as const,
            config,
            path: `spec.ingress[${index}].tls`,
            message: `port ${port.number ?? 0} of ${mutual.name} has mutual TLS of the mesh: the TLS written here is not in force`,
            fix: { text: `Disable it in a PeerAuthentication that selects the workload: portLevelMtls: { ${port.number ?? 0}: { mode: DISABLE } }.` },
          },
        ];
      });
    });
  },
});
