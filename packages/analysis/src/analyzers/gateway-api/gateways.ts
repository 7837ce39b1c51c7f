import { convertGatewayApi } from '@meltemi/model';
import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';
import { GATEWAY_API_INPUTS, objectsOf } from './inputs.ts';

/** Listeners of Kubernetes Gateways that cannot be served, and BackendTLSPolicies that are not in force: what their status says. */
export const listenersAndPolicies = defineAnalyzer({
  name: 'gateway-api/gateways',
  codes: ['MEL0208', 'MEL0209'],
  reads: [...GATEWAY_API_INPUTS, 'BackendTLSPolicy', 'mesh'],
  analyze(context) {
    const objects = objectsOf(context, [...GATEWAY_API_INPUTS, 'BackendTLSPolicy']);
    const wanted: ReadonlySet<unknown> = new Set([
      ...context.subjects('KubernetesGateway'),
      ...context.subjects('ListenerSet'),
      ...context.subjects('BackendTLSPolicy'),
    ]);
    if (wanted.size === 0) return [];
    const { listeners, policies } = convertGatewayApi(objects, context.mesh().domainSuffix);
    const findings: AnalysisFinding[] = [];
    for (const { owner, listener, rejected, unresolved } of listeners) {
      const fault = rejected ?? unresolved;
      const index = owner.spec.listeners.indexOf(listener);
      if (fault !== undefined && wanted.has(owner))
        findings.push({ code: 'MEL0208', config: owner, path: `spec.listeners[${index}]`, message: `listener "${listener.name}": ${fault.message}` });
    }
    for (const { config, refused, unresolved } of policies) {
      const fault = refused ?? unresolved;
      const path = refused === undefined ? 'spec.validation.caCertificateRefs' : 'spec.targetRefs';
      if (fault !== undefined && wanted.has(config)) findings.push({ code: 'MEL0209', config, path, message: fault.message });
    }
    return findings;
  },
});
