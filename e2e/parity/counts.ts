/** Steps that ask what is counted of a case. */
import type { CaseContext } from './harness/context.ts';
import { admin, type Step } from './steps.ts';

interface Answer {
  readonly stats?: readonly { readonly name?: string; readonly value?: number }[];
}

/** Statistics of this case that are not 0, by the rest of their names behind `prefix`. */
function used(prefix: (c: CaseContext) => string, ignore: readonly RegExp[], expected: Readonly<Record<string, number>>): Step {
  return admin(
    (c) => `/stats?format=json&usedonly&type=Counters&filter=${encodeURIComponent(`^${prefix(c).replaceAll('.', '\\.')}`)}`,
    (answer, c) =>
      Object.fromEntries(
        ((answer as Answer).stats ?? [])
          .map(({ name = '', value = 0 }) => [name.slice(prefix(c).length), value] as const)
          .filter(([name, value]) => value !== 0 && !ignore.some((item) => item.test(name)))
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
    Object.fromEntries(Object.entries(expected).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}

export const ofCluster = (name: string, expected: Readonly<Record<string, number>>, but = /^$/): Step =>
  used((c) => `cluster.${c.name(name)}.`, [but, /_bytes|^default\.|update_|^lb_|^http2\./], expected);
export const ofHttp = (expected: Readonly<Record<string, number>>, but = /^$/): Step =>
  used((c) => `http.${c.id}.`, [but, /_bytes|^tracing|_delayed_close|_tx_reset/], expected);
export const ofListener = (expected: Readonly<Record<string, number>>): Step =>
  used((c) => `listener.${c.address}_${c.port('main')}.`, [/worker_0|^http/], expected);
export const ofTcp = (expected: Readonly<Record<string, number>>): Step => used((c) => `tcp.${c.id}.`, [/_buffered|_flush/], expected);
