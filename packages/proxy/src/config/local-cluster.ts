import { LOCAL_CLUSTER, type Node } from '@meltemi/protos-types';
import { decodeCluster, type RuntimeCluster, type RuntimePlace } from '@meltemi/runtime';

/** The cluster that the proxy itself is one of, and where it is; undefined: it has not been told where. Envoy has both in its bootstrap. */
export function localPlace({ locality }: Pick<Node, 'locality'>): RuntimePlace['local'] {
  if (locality === undefined) return undefined;
  const { region = '', zone = '', sub_zone: subZone = '' } = locality;
  return { cluster: LOCAL_CLUSTER, locality: { region, zone, subZone } };
}

/** The cluster as though it had come over the stream. */
export function localCluster(): RuntimeCluster {
  const decoded = decodeCluster({ name: LOCAL_CLUSTER, type: 'EDS', connect_timeout: '1s', eds_cluster_config: { eds_config: { ads: {} } } });
  if (!decoded.ok) throw new Error(decoded.problems.map(({ message }) => message).join('; '));
  return decoded.value;
}
