import type { Problem } from '@meltemi/base';
import type { ConfigList, HealthData, HealthStatus, NamespaceInfo, TlsStatus } from '../../api/kiali.ts';
import type { Series } from '../../api/prometheus.ts';
import { healthPriority, itemHealth, worst } from '../../graph/health.ts';

/** What a namespace's card says. */
export interface Card {
  readonly namespace: NamespaceInfo;
  readonly counts: Readonly<Record<HealthStatus, number>>;
  readonly total: number;
  readonly health: HealthStatus;
  readonly tls: TlsStatus | undefined;
  readonly config: { readonly objects: number; readonly errors: number; readonly warnings: number };
  readonly traffic:
    | { readonly direction: 'Inbound' | 'Outbound'; readonly requests: Series['points']; readonly errors: Series['points'] }
    | undefined;
}

export interface CardInputs {
  readonly namespaces: readonly NamespaceInfo[];
  readonly health: Readonly<Record<string, Readonly<Record<string, HealthData>>>>;
  readonly config: ConfigList | undefined;
  readonly problems: readonly Problem[];
  readonly inbound: readonly Series[];
  readonly outbound: readonly Series[];
}

export type CardSort = 'config' | 'health' | 'mtls' | 'name';

export function buildCards(inputs: CardInputs): readonly Card[] {
  return inputs.namespaces.map((namespace) => {
    const counts = { Healthy: 0, Degraded: 0, Failure: 0, 'Not Ready': 0, NA: 0 };
    let health: HealthStatus = 'NA';
    const items = Object.values(inputs.health[namespace.name] ?? {});
    for (const item of items) {
      const { status } = itemHealth(item);
      counts[status] += 1;
      health = worst(health, status);
    }
    return {
      namespace,
      counts,
      total: items.length,
      health,
      tls: namespace.tls,
      config: configState(inputs, namespace.name),
      traffic: trafficOf(inputs, namespace.name),
    };
  });
}

/** Objects in force, and what is wrong: also with what is held back. */
function configState({ config, problems }: CardInputs, namespace: string): Card['config'] {
  const objects = Object.values(config?.resources ?? {}).flatMap((list) => (list ?? []).filter((one) => one.metadata.namespace === namespace));
  const own = problems.filter((one) => one.object?.namespace === namespace);
  const count = (severity: string): number => own.filter((one) => one.severity === severity).length;
  return { objects: objects.length, errors: count('error'), warnings: count('warning') };
}

/** What comes in; for a namespace that only sends, as that of a gateway, what goes out. */
function trafficOf(inputs: CardInputs, namespace: string): Card['traffic'] {
  for (const [direction, series, label] of [
    ['Inbound', inputs.inbound, 'destination_workload_namespace'],
    ['Outbound', inputs.outbound, 'source_workload_namespace'],
  ] as const) {
    const own = series.filter((one) => one.labels[label] === namespace);
    const requests = sumPoints(own);
    if (requests.some(([, value]) => value > 0))
      return { direction, requests, errors: sumPoints(own.filter((one) => /^[45]|^0$/.test(one.labels['response_code'] ?? ''))) };
  }
  return undefined;
}

export function sumPoints(series: readonly Series[]): Series['points'] {
  const sums = new Map<number, number>();
  for (const one of series) for (const [time, value] of one.points) sums.set(time, (sums.get(time) ?? 0) + value);
  return [...sums].toSorted(([a], [b]) => a - b);
}

const MTLS_ORDER = ['MTLS_DISABLED', 'MTLS_NOT_ENABLED', 'MTLS_PARTIALLY_ENABLED', 'MTLS_ENABLED'];

export function sortCards(cards: readonly Card[], by: CardSort, descending: boolean): readonly Card[] {
  const order: Readonly<Record<CardSort, (card: Card) => number>> = {
    name: () => 0,
    health: (card) => -healthPriority(card.health),
    mtls: (card) => MTLS_ORDER.indexOf(card.tls?.status ?? ''),
    config: (card) => -(card.config.errors * 1000 + card.config.warnings),
  };
  const sorted = cards.toSorted((a, b) => order[by](a) - order[by](b) || (a.namespace.name < b.namespace.name ? -1 : 1));
  return descending ? sorted.toReversed() : sorted;
}
