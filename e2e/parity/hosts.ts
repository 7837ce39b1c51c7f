/** Clusters of several hosts, and who of them gets how many requests. */
import type { CaseContext } from './harness/context.ts';
import { cluster, endpoint } from './resources.ts';
import { count, http, type Step } from './steps.ts';

export const named = (...names: readonly string[]): Readonly<Record<string, readonly [{ readonly body: string }]>> =>
  Object.fromEntries(names.map((name) => [name, [{ body: name }]]));

export const ABC = named('a', 'b', 'c');

export const greets = (greeting: string) => ({ t: 'tcp', tcp: { greeting } }) as const;

export interface Locality {
  readonly hosts: readonly (string | object)[];
  readonly zone?: string;
  readonly weight?: number;
  readonly priority?: number;
}

function hosts(c: CaseContext, localities: readonly Locality[], policy?: object): object {
  return {
    load_assignment: {
      cluster_name: c.name('all'),
      ...(policy === undefined ? {} : { policy }),
      endpoints: localities.map(({ hosts: list, zone = '', weight, priority = 0 }) => ({
        priority,
        ...(zone === '' ? {} : { locality: { region: 'r', zone } }),
        ...(weight === undefined ? {} : { load_balancing_weight: weight }),
        lb_endpoints: list.map((host) => (typeof host === 'string' ? endpoint(c, host) : host)),
      })),
    },
  };
}

export const all = (c: CaseContext, more: object, localities: readonly Locality[], policy?: object): object =>
  cluster(c, 'all', { ...hosts(c, localities, policy), ...more }, []);

/** Who gets how many of the requests. */
export const shares = (times: number, expected: Readonly<Record<string, readonly [number, number]>>, path = '/'): Step =>
  count(times, http(path, {}), expected);

/** All that a host is given by the name of its backend, and what the subsets go by. */
export const tagged = (c: CaseContext, backend: string, labels: object, more: object = {}): object =>
  endpoint(c, backend, { metadata: { filter_metadata: { 'envoy.lb': labels } }, ...more });

export const sick = (c: CaseContext, backend: string): object => endpoint(c, backend, { health_status: 'UNHEALTHY' });

export const ALL_THREE = { a: [20, 20], b: [20, 20], c: [20, 20] } as const;

export const NOBODY = { '': [0, 0], 'no healthy upstream': [60, 60] } as const;
