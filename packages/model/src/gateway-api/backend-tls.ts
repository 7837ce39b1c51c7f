import { compareByAge, type BackendTLSPolicy, type Config, type DestinationRule } from '@meltemi/api';
import type { Fault } from './conditions.ts';
import { derivedName } from './derived.ts';
import { namedService, type GatewayApiObjects } from './inputs.ts';

/** What became of a BackendTLSPolicy. */
export interface PolicyResult {
  readonly config: Config<BackendTLSPolicy>;
  /** Not accepted: another policy is older, or no target is there. */
  readonly refused: Fault | undefined;
  /** A certificate that is missing: calls fail. */
  readonly unresolved: Fault | undefined;
  readonly derived: readonly Config<DestinationRule>[];
}

type Target = BackendTLSPolicy['targetRefs'][number];

/** DestinationRules that make calls to a backend TLS. The oldest policy of a target counts. */
export function backendTls(objects: GatewayApiObjects): readonly PolicyResult[] {
  const taken = new Set<string>();
  return objects.backendPolicies.toSorted(compareByAge).map((config): PolicyResult => {
    const { namespace } = config.meta;
    const keyOf = ({ kind, name, sectionName = '' }: Target): string => `${kind}/${namespace}/${name}/${sectionName}`;
    const free = config.spec.targetRefs.filter((target) => !taken.has(keyOf(target)));
    for (const target of free) taken.add(keyOf(target));
    const unresolved = certificateFault(objects, config);
    const derived = free.flatMap((target) => ruleFor(objects, config, target));
    const refused: Fault | undefined =
      free.length === 0
        ? { reason: 'Conflicted', message: 'an older BackendTLSPolicy has the same targets' }
        : derived.length === 0
          ? {
              reason: 'TargetNotFound',
              message: `no target of the policy is there: ${config.spec.targetRefs.map(({ kind, name }) => `${kind} ${namespace}/${name}`).join(', ')}`,
            }
          : undefined;
    return { config, refused, unresolved, derived };
  });
}

function certificateFault(objects: GatewayApiObjects, { meta, spec }: Config<BackendTLSPolicy>): Fault | undefined {
  for (const { group, kind, name } of spec.validation.caCertificateRefs ?? []) {
    if (group !== '' || (kind !== 'ConfigMap' && kind !== 'Secret'))
      return { reason: 'InvalidKind', message: `certificates are in a ConfigMap or Secret, not in a ${kind}` };
    const there = kind === 'ConfigMap' ? objects.configMaps : objects.secrets;
    if (!there.has(`${meta.namespace}/${name}`))
      return { reason: 'InvalidCACertificateRef', message: `${kind} ${meta.namespace}/${name} does not exist` };
  }
  return undefined;
}

function ruleFor(objects: GatewayApiObjects, config: Config<BackendTLSPolicy>, target: Target): readonly Config<DestinationRule>[] {
  const { namespace, creationTimestamp } = config.meta;
  const place = placeOf(objects, target, namespace);
  if (place === undefined) return [];
  const tls = tlsOf(config);
  const trafficPolicy = place.port === undefined ? { tls } : { portLevelSettings: [{ port: { number: place.port }, tls }] };
  return [
    {
      kind: 'DestinationRule',
      apiVersion: 'networking.istio.io/v1',
      meta: {
        name: derivedName(config.meta.name, target.name, target.sectionName ?? ''),
        namespace,
        labels: {},
        annotations: {},
        ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      },
      origin: config.origin,
      spec: { host: place.host, trafficPolicy, exportTo: ['*'] },
    },
  ];
}

function placeOf(
  objects: GatewayApiObjects,
  { group, kind, name, sectionName }: Target,
  namespace: string,
): { readonly host: string; readonly port: number | undefined } | undefined {
  const named = namedService(objects, { group, kind, namespace, name });
  if (named === undefined || named === 'unknown-kind') return undefined;
  if (sectionName === undefined) return { host: named.host, port: undefined };
  const port = named.ports?.find((item) => item.name === sectionName)?.number;
  return port === undefined ? undefined : { host: named.host, port };
}

function tlsOf({ meta, spec }: Config<BackendTLSPolicy>): NonNullable<NonNullable<DestinationRule['trafficPolicy']>['tls']> {
  const { hostname, subjectAltNames, caCertificateRefs = [] } = spec.validation;
  const [ca] = caCertificateRefs;
  const names = subjectAltNames?.map(({ hostname: host, uri }) => host ?? uri ?? '') ?? [hostname];
  const credential =
    ca === undefined
      ? {}
      : {
          credentialName:
            ca.kind === 'ConfigMap' ? `configmap://${meta.namespace}/${ca.name}` : `kubernetes-gateway://${meta.namespace}/${ca.name}-cacert`,
        };
  return { mode: 'SIMPLE', sni: hostname, subjectAltNames: names, ...credential };
}
