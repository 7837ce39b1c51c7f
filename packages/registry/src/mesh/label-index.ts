import { selects, type Service, type Workload } from '@meltemi/model';

type Labelled = Pick<Workload, 'namespace' | 'labels'>;

/** Workloads by namespace and label, so that a service finds those that it selects without looking at all of them. */
export interface WorkloadIndex {
  add(workload: Workload): void;
  remove(workload: Workload): void;
  /** In the order in which they were added. */
  selectedBy(service: Service): readonly Workload[];
}

export function createWorkloadIndex(): WorkloadIndex {
  const byLabel = new Map<string, Set<Workload>>();
  return {
    add(workload) {
      for (const key of keysOf(workload)) {
        let set = byLabel.get(key);
        if (set === undefined) byLabel.set(key, (set = new Set()));
        set.add(workload);
      }
    },
    remove(workload) {
      for (const key of keysOf(workload)) {
        const set = byLabel.get(key);
        if (set?.delete(workload) === true && set.size === 0) byLabel.delete(key);
      }
    },
    selectedBy(service) {
      let fewest: ReadonlySet<Workload> | undefined;
      for (const [name, value] of Object.entries(service.selector ?? {})) {
        const set = byLabel.get(keyOf(service.namespace, name, value));
        if (set === undefined) return [];
        if (fewest === undefined || set.size < fewest.size) fewest = set;
      }
      return [...(fewest ?? [])].filter((workload) => selects(service, workload));
    },
  };
}

/** Services by namespace and the first label of their selector: those that may select a workload. */
export interface SelectorIndex {
  selecting(workload: Labelled): readonly Service[];
}

export function createSelectorIndex(services: readonly Service[]): SelectorIndex {
  const byLabel = new Map<string, Service[]>();
  for (const service of services) {
    const [first] = Object.entries(service.selector ?? {});
    if (first === undefined) continue;
    const key = keyOf(service.namespace, ...first);
    const list = byLabel.get(key);
    if (list === undefined) byLabel.set(key, [service]);
    else list.push(service);
  }
  return { selecting: (workload) => keysOf(workload).flatMap((key) => (byLabel.get(key) ?? []).filter((service) => selects(service, workload))) };
}

function keysOf({ namespace, labels }: Labelled): readonly string[] {
  return Object.entries(labels).map(([name, value]) => keyOf(namespace, name, value));
}

function keyOf(namespace: string, name: string, value: string): string {
  return `${namespace} ${name}=${value}`;
}
