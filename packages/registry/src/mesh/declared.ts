import { NO_LOCALITY, TLS_MODE_LABEL, type Workload } from '@meltemi/model';

/** What a WorkloadEntry made of a connected workload the last time. */
interface Made {
  readonly entry: Workload;
  readonly workload: Workload;
}

/** Puts what objects declare over the workloads that are connected. */
export interface Declarations {
  /**
   * The connected workloads, each as the WorkloadEntry of its address says (if there is one of its namespace and account), and the entries that stand for
   * themselves: nobody is counted twice. Workloads stay the same objects while neither they nor their entry change.
   */
  apply(
    connected: readonly Workload[],
    entries: readonly Workload[],
  ): { readonly connected: readonly Workload[]; readonly entries: readonly Workload[] };
}

export function createDeclarations(): Declarations {
  const made = new WeakMap<Workload, Made>();
  const madeOf = (workload: Workload, entry: Workload): Workload => {
    const last = made.get(workload);
    if (last?.entry === entry) return last.workload;
    const next = declaredAs(workload, entry);
    made.set(workload, { entry, workload: next });
    return next;
  };
  return {
    apply(connected, entries) {
      if (connected.length === 0 || entries.length === 0) return { connected, entries };
      const addresses = new Set(connected.map(({ address }) => address));
      const byAddress = Map.groupBy(
        entries.filter(({ address }) => addresses.has(address)),
        ({ address }) => address,
      );
      const used = new Set<Workload>();
      const result = connected.map((workload) => {
        const entry = byAddress.get(workload.address)?.find((candidate) => isOf(candidate, workload));
        if (entry === undefined) return workload;
        used.add(entry);
        return madeOf(workload, entry);
      });
      return used.size === 0 ? { connected, entries } : { connected: result, entries: entries.filter((entry) => !used.has(entry)) };
    },
  };
}

/** An entry that names no account is of whoever is connected at its address; one of another account is another claim to it. */
function isOf(entry: Workload, workload: Workload): boolean {
  return entry.namespace === workload.namespace && (entry.serviceAccount === '' || entry.serviceAccount === workload.serviceAccount);
}

/** The entry says how the workload is called on (labels, ports, weight, place); its agent, how it is and that it takes mutual TLS. */
function declaredAs(workload: Workload, entry: Workload): Workload {
  const tlsMode = entry.labels[TLS_MODE_LABEL] === undefined ? workload.tlsMode : entry.tlsMode;
  return {
    ...workload,
    // One that came in as its entry has no labels of its own; one that joined keeps those that the entry does not name.
    labels: workload.name === entry.name ? entry.labels : { ...workload.labels, ...entry.labels },
    portMap: { ...workload.portMap, ...entry.portMap },
    locality: entry.locality.region === NO_LOCALITY.region ? workload.locality : entry.locality,
    weight: entry.weight,
    tlsMode,
    ...(entry.nodeName === undefined ? {} : { nodeName: entry.nodeName }),
    ...(entry.object === undefined ? {} : { object: entry.object }),
    ...(entry.origin === undefined ? {} : { origin: entry.origin }),
  };
}
