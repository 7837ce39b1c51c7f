import { parseProxyNode, type ProxyNode } from '@meltemi/model';
import type { CaseContext } from './harness/context.ts';

type Told = Parameters<typeof parseProxyNode>[0];

/** The gateway of a case, as it tells the control plane of itself. */
export function gatewayNode(c: CaseContext, locality: NonNullable<Told['locality']> = {}): ProxyNode {
  const parsed = parseProxyNode({
    id: `router~${c.address}~front.${c.id}~${c.id}.svc.cluster.local`,
    locality,
    metadata: {
      NAMESPACE: c.id,
      SERVICE_ACCOUNT: 'front',
      WORKLOAD_NAME: 'front',
      LABELS: { case: c.id, 'gateway.networking.k8s.io/gateway-name': 'web' },
      INTERCEPTION_MODE: 'NONE',
      MELTEMI_DATA_PLANE: 'embedded',
    },
  });
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return parsed.node;
}
