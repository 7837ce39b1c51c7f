import { fits, textAt, type JsonMap } from './merge.ts';
import { merged, type Patch } from './patch.ts';

/** A cluster after one change; the same one when it is not meant, undefined when it is removed. */
export function patchCluster(cluster: JsonMap, patch: Patch): JsonMap | undefined {
  if (patch.applyTo !== 'CLUSTER' || patch.operation === 'ADD' || !clusterMatches(textAt(cluster, 'name'), patch)) return cluster;
  return patch.operation === 'REMOVE' ? undefined : merged(cluster, patch);
}

function clusterMatches(name: string, { match }: Patch): boolean {
  const wanted = match.cluster;
  if (wanted === undefined) return true;
  if (wanted.name !== undefined && wanted.name !== '') return wanted.name === name;
  const [, port = '', subset = '', host = ''] = name.split('|');
  return fits(wanted.portNumber, Number(port)) && fits(wanted.subset, subset) && fits(wanted.service, host);
}
