import type { Config, Json } from '@meltemi/api';
import type { Clock, ObjectRef } from '@meltemi/base';
import { formatLocality, REGISTERED_ORIGIN } from '@meltemi/model';
import type { ConfigStore } from '../store/config-store.ts';
import { createConfigTable, refKey, refOf, type VersionSource } from '../store/config-table.ts';
import type { ConnectedRegistry, Member } from './types.ts';

const GROUP_ANNOTATION = 'istio.io/autoRegistrationGroup';

/** The WorkloadEntries of connected members of WorkloadGroups: to be seen, not to be written. They go when their workload does. */
export function createRegisteredStore(connected: Pick<ConnectedRegistry, 'members' | 'watch'>, clock: Clock, versions: VersionSource): ConfigStore {
  const table = createConfigTable(clock, versions);
  const update = (): void => {
    const wanted = connected.members().map(entryOf);
    const keys = new Set(wanted.map((config) => refKey(refOf(config))));
    const gone: readonly ObjectRef[] = table
      .list()
      .map(refOf)
      .filter((ref) => !keys.has(refKey(ref)));
    const changed = wanted.map((config) => table.prepare(config)).filter(({ t }) => t !== 'unchanged');
    if (gone.length > 0 || changed.length > 0)
      table.commit(
        changed.map(({ config }) => config),
        gone,
      );
  };
  update();
  const stop = connected.watch(update);
  return {
    get: table.get,
    list: table.list,
    watch: table.watch,
    problems: () => [],
    watchProblems: () => () => undefined,
    async close() {
      stop();
    },
  };
}

/** As Istio registers a member: `<group>-<address>`, with its health as a condition. */
function entryOf({ workload, member }: Member): Config {
  const { address, labels, namespace, serviceAccount } = workload;
  const locality = formatLocality(workload.locality);
  const status: Json = { conditions: [{ type: 'Healthy', status: workload.health === 'healthy' ? 'True' : 'False' }] };
  return {
    kind: 'WorkloadEntry',
    apiVersion: 'networking.istio.io/v1',
    meta: {
      name: `${member.name}-${address.replaceAll(':', '-')}`,
      namespace,
      labels,
      annotations: { ...member.annotations, [GROUP_ANNOTATION]: member.name },
    },
    spec: { address, labels, ports: member.portMap, serviceAccount, weight: workload.weight, ...(locality === '' ? {} : { locality }) },
    status,
    origin: { source: REGISTERED_ORIGIN },
  };
}
