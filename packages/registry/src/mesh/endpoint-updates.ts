import {
  createEndpointIndex,
  endpointsOf,
  serviceKey,
  type EndpointChange,
  type EndpointIndex,
  type Service,
  type Workload,
  type WritableEndpointIndex,
} from '@meltemi/model';
import { createSelectorIndex, createWorkloadIndex, type SelectorIndex, type WorkloadIndex } from './label-index.ts';

/** What an update of services and workloads did to the endpoints. */
export interface EndpointUpdates {
  readonly endpoints: readonly EndpointChange[];
  /** Addresses whose workload came, went or changed. */
  readonly workloads: readonly string[];
}

/** Keeps an endpoint index up to date. */
export interface EndpointKeeper {
  readonly index: EndpointIndex;
  /** Takes in the lists as they are now, in which each item stands once; lists and their items that are the same objects as before count as unchanged. */
  update(services: readonly Service[], workloads: readonly Workload[], trustDomain: string): EndpointUpdates;
}

const NOTHING: readonly never[] = [];

/** What was taken in last. */
interface Taken {
  readonly services: readonly Service[];
  readonly workloads: readonly Workload[];
  readonly trustDomain: string;
  readonly byLabel: WorkloadIndex;
  readonly selectors: SelectorIndex;
}

const nothing = (): Taken => ({
  services: NOTHING,
  workloads: NOTHING,
  trustDomain: '',
  byLabel: createWorkloadIndex(),
  selectors: createSelectorIndex(NOTHING),
});

export function createEndpointKeeper(): EndpointKeeper {
  const index = createEndpointIndex();
  let taken = nothing();
  return {
    index,
    update(services, workloads, trustDomain) {
      const before = taken;
      // What fails half-way is begun anew the next time.
      taken = nothing();
      const { byLabel } = before;
      const sameServices = services === before.services;
      const selectors = sameServices ? before.selectors : createSelectorIndex(services);
      const moved = difference(before.workloads, workloads);
      const touched = new Set(trustDomain === before.trustDomain ? added(before.services, services) : services);
      for (const { workload, isNew } of moved) {
        if (isNew) byLabel.add(workload);
        else byLabel.remove(workload);
        for (const service of selectors.selecting(workload)) touched.add(service);
      }
      const changed = [...touched].flatMap(
        (service) => index.update(serviceKey(service), endpointsOf(service, byLabel.selectedBy(service), trustDomain)) ?? [],
      );
      const gone = sameServices ? NOTHING : removeGone(index, services);
      const addresses = workloads === before.workloads ? NOTHING : index.updateWorkloads(workloads);
      taken = { services, workloads, trustDomain, byLabel, selectors };
      return { endpoints: [...changed, ...gone], workloads: addresses };
    },
  };
}

function removeGone(index: WritableEndpointIndex, services: readonly Service[]): readonly EndpointChange[] {
  const keys = new Set(services.map(serviceKey));
  return [...index.services()].flatMap((key) => (keys.has(key) ? [] : (index.remove(key) ?? [])));
}

/** Items of the second list that the first has not. */
function added<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  if (before === now) return NOTHING;
  const { old, fresh } = differing(before, now);
  if (old.length === 0 || fresh.length === 0) return fresh;
  const known = new Set(old);
  return fresh.filter((item) => !known.has(item));
}

/** What is left of two lists without what they begin and end with alike. Each item stands once in a list. */
function differing<T>(before: readonly T[], now: readonly T[]): { readonly old: readonly T[]; readonly fresh: readonly T[] } {
  const shorter = Math.min(before.length, now.length);
  let begin = 0;
  while (begin < shorter && before[begin] === now[begin]) begin++;
  let end = 0;
  while (end < shorter - begin && before[before.length - 1 - end] === now[now.length - 1 - end]) end++;
  return { old: before.slice(begin, before.length - end), fresh: now.slice(begin, now.length - end) };
}

/** What went, then what came. */
function difference(before: readonly Workload[], now: readonly Workload[]): readonly { readonly workload: Workload; readonly isNew: boolean }[] {
  return [
    ...added(now, before).map((workload) => ({ workload, isNew: false })),
    ...added(before, now).map((workload) => ({ workload, isNew: true })),
  ];
}
