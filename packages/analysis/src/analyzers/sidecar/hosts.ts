import { hostCovers, hostsOverlap } from '@meltemi/model';
import { defineAnalyzer, type AnalysisContext } from '../../analyzer.ts';

/** A host of a Sidecar that is nobody's lets nothing through that would not be there without it. */
export const hosts = defineAnalyzer({
  name: 'sidecar/hosts',
  codes: ['KIA1004'],
  reads: ['Sidecar', 'VirtualService', 'services'],
  analyze(context) {
    const sidecars = context.subjects('Sidecar');
    if (sidecars.length === 0) return [];
    const known = knownHosts(context);
    return sidecars.flatMap((config) =>
      (config.spec.egress ?? []).flatMap((listener, index) =>
        listener.hosts.flatMap((entry, at) => {
          const [namespace = '', host = ''] = entry.split('/');
          // "~/*" takes nothing in, "~namespace/host" takes out; "*" is whatever comes.
          if (entry.startsWith('~') || host === '*') return [];
          const of = namespace === '.' ? config.meta.namespace : namespace;
          if (known(of, host.toLowerCase())) return [];
          return [
            {
              code: 'KIA1004' as const,
              config,
              path: `spec.egress[${index}].hosts[${at}]`,
              message: `${of === '*' ? 'no namespace' : `the namespace "${of}"`} has ${of === '*' ? 'a' : 'no'} service with the host "${host}"`,
              fix: { text: 'Write namespace/host with the whole host (name.namespace.svc.cluster.local), or remove it.' },
            },
          ];
        }),
      ),
    );
  },
});

/** Whether a Sidecar's `namespace/host` takes in a service, or a VirtualService: as `sidecarScope` decides it. */
function knownHosts(context: AnalysisContext): (namespace: string, host: string) => boolean {
  const services = context.services().map((service) => ({ namespace: service.namespace, host: service.hostname }));
  const rules = context
    .configs('VirtualService')
    .flatMap(({ meta, spec }) => (spec.hosts ?? []).map((host) => ({ namespace: meta.namespace, host })));
  const exact = new Set([...services, ...rules].flatMap(({ namespace, host }) => [`${namespace}/${host}`, `*/${host}`]));
  const wildRules = rules.filter(({ host }) => host.startsWith('*'));
  return (namespace, host) => {
    const isOf = (one: { readonly namespace: string }): boolean => namespace === '*' || one.namespace === namespace;
    if (exact.has(`${namespace}/${host}`)) return true;
    if (!host.startsWith('*')) return wildRules.some((one) => isOf(one) && hostCovers(one.host, host));
    return services.some((one) => isOf(one) && hostCovers(host, one.host)) || rules.some((one) => isOf(one) && hostsOverlap(host, one.host));
  };
}
