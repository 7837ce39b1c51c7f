import type { Config, KindName } from '@meltemi/api';
import type { AnalysisContext, AnalysisInput } from '../../analyzer.ts';

/** What routes of the Gateway API refer to, and what may let them. */
export const GATEWAY_API_INPUTS: readonly KindName[] = [
  'GatewayClass',
  'KubernetesGateway',
  'ListenerSet',
  'ReferenceGrant',
  'Service',
  'ServiceEntry',
  'Secret',
  'ConfigMap',
  'Namespace',
];

/** …and the routes. */
export const readsOfGatewayApi: readonly AnalysisInput[] = [...GATEWAY_API_INPUTS, 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'mesh'];

/** The objects of some kinds. */
export function objectsOf(context: AnalysisContext, kinds: readonly KindName[]): readonly Config[] {
  return kinds.flatMap((kind): readonly Config[] => context.configs(kind));
}
