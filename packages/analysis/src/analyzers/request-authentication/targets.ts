import { defineAnalyzer, type AnalysisFinding } from '../../analyzer.ts';

/** A policy for a Gateway that is not there is for nobody. */
export const targets = defineAnalyzer({
  name: 'request-authentication/targets',
  codes: ['MEL0212'],
  reads: ['RequestAuthentication', 'KubernetesGateway'],
  analyze(context) {
    const gateways = new Set(context.configs('KubernetesGateway').map(({ meta }) => `${meta.namespace}/${meta.name}`));
    return context.subjects('RequestAuthentication').flatMap((config) =>
      (config.spec.targetRefs ?? []).flatMap(({ name }, index): readonly AnalysisFinding[] =>
        gateways.has(`${config.meta.namespace}/${name}`)
          ? []
          : [
              {
                code: 'MEL0212',
                config,
                path: `spec.targetRefs[${index}].name`,
                message: `the namespace "${config.meta.namespace}" has no Gateway "${name}" (of gateway.networking.k8s.io)`,
                fix: { text: "Correct the name; workloads of Istio's own Gateways are selected by selector." },
              },
            ],
      ),
    );
  },
});
