import type { Config, PeerAuthentication } from '@meltemi/api';
import { defineAnalyzer, nameOf, type AnalysisFinding } from '../../analyzer.ts';
import { serviceLookup } from '../../lookup.ts';

/** A DestinationRule that turns mutual TLS off towards workloads that take nothing else breaks every call. */
export const mtls = defineAnalyzer({
  name: 'destination-rule/mtls',
  codes: ['KIA0207', 'KIA0208'],
  reads: ['DestinationRule', 'PeerAuthentication', 'services', 'mesh'],
  analyze(context) {
    const lookup = serviceLookup(context);
    const policies = context.configs('PeerAuthentication').filter((policy) => Object.keys(policy.spec.selector?.matchLabels ?? {}).length === 0);
    const root = context.mesh().rootNamespace;
    const findings: AnalysisFinding[] = [];
    for (const config of context.subjects('DestinationRule')) {
      if (config.spec.trafficPolicy?.tls?.mode !== 'DISABLE') continue;
      const namespace = lookup.find(config.spec.host, config.meta.namespace)?.namespace ?? config.meta.namespace;
      const policy = policyFor(policies, namespace) ?? policyFor(policies, root);
      if (policy?.spec.mtls?.mode !== 'STRICT') continue;
      const code = policy.meta.namespace === root ? ('KIA0208' as const) : ('KIA0207' as const);
      findings.push({
        code,
        config,
        path: 'spec.trafficPolicy.tls.mode',
        message: `mutual TLS is turned off towards "${config.spec.host}", whose workloads take nothing else: ${nameOf(policy)} is STRICT`,
        fix: { text: 'Remove tls, or write mode: ISTIO_MUTUAL.' },
      });
    }
    return findings;
  },
});

/** The policy without a selector that says something, of a namespace. */
function policyFor(policies: readonly Config<PeerAuthentication>[], namespace: string): Config<PeerAuthentication> | undefined {
  return policies.find(({ meta, spec }) => meta.namespace === namespace && spec.mtls?.mode !== undefined && spec.mtls.mode !== 'UNSET');
}
