import { decodeMeshConfig } from '@meltemi/api';
import { defineAnalyzer } from '../../analyzer.ts';

/** The trust domain is that of the certificate authority: the ConfigMap of the mesh cannot give it another one. */
export const trustDomain = defineAnalyzer({
  name: 'mesh/trust-domain',
  codes: ['MEL0206'],
  reads: ['ConfigMap', 'mesh'],
  analyze(context) {
    const mesh = context.mesh();
    return context.subjects('ConfigMap').flatMap((config) => {
      if (config.meta.name !== 'istio' || config.meta.namespace !== mesh.rootNamespace) return [];
      const named = decodeMeshConfig(config.spec.data?.['mesh'] ?? '').settings?.trustDomain;
      if (named === undefined || named === mesh.trustDomain) return [];
      return [
        {
          code: 'MEL0206' as const,
          config,
          path: 'data.mesh.trustDomain',
          message: `"${named}" is not the trust domain of this mesh, which is "${mesh.trustDomain}" since its certificate authority was made; it stays so`,
          fix: { text: 'Name it at the first start, with "meltemi control-plane --trust-domain", or write it to trustDomainAliases.' },
        },
      ];
    });
  },
});
