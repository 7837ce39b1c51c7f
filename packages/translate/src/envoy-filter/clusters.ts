import type { JsonMap } from './merge.ts';
import { merged, type Patch } from './patch.ts';

/** A cluster after one change; the same one when it is not meant, undefined when it is removed. */
export function patchCluster(cluster: JsonMap, patch: Patch): JsonMap | undefined {
  if (patch.applyTo !== 'CLUSTER' || patch.operation === 'ADD' || !clusterMatches(String(cluster['name'] ?? ''), patch)) return cluster;
  return patch.operation === 'REMOVE' ? undefined : merged(cluster, patch);
}

function clusterMatches(name: string, { match }: Patch): boolean {
  const wanted = match.cluster;
  if (wanted === undefined) return true;
  if (wanted.name !== undefined && wanted.name !== '') return wanted.name === name;
  const [, port = '', subset = '', host = ''] = name.split('|');
  return (
    (wanted.portNumber === undefined || wanted.portNumber === 0 || String(wanted.portNumber) === port) &&
    (wanted.subset === undefined || wanted.subset === '' || wanted.subset === subset) &&
    (wanted.service === undefined || wanted.service === '' || wanted.service === host)
  );
}
