import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { getJson, query } from './fetch.ts';
import { interval } from './queries.ts';

/** One line of a chart: its labels and its points, seconds since the epoch and value. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}

interface RangeAnswer {
  readonly status: string;
  readonly data?: {
    readonly result?: readonly { readonly metric: Readonly<Record<string, string>>; readonly values: readonly (readonly [number, string])[] }[];
  };
}

/** A PromQL range over the last `durationSeconds` (at least five minutes, so that there is a course to see). */
export function rangeQuery(promql: string, durationSeconds: number, refreshMs: number, enabled = true) {
  const spanSeconds = Math.max(300, durationSeconds);
  const stepSeconds = Math.max(5, Math.ceil(spanSeconds / 60));
  return queryOptions({
    queryKey: ['range', promql, spanSeconds],
    queryFn: async ({ signal }) => {
      const end = Math.floor(Date.now() / 1000);
      const answer = await getJson<RangeAnswer>(
        `/prometheus/api/v1/query_range${query({ query: promql, start: end - spanSeconds, end, step: stepSeconds })}`,
        signal,
      );
      return (answer.data?.result ?? []).map((one): Series => ({
        labels: one.metric,
        points: one.values.map(([time, value]) => [time, Number(value)] as const).filter(([, value]) => Number.isFinite(value)),
      }));
    },
    enabled,
    refetchInterval: interval(refreshMs),
    placeholderData: keepPreviousData,
    retry: 1,
  });
}

/** A label matcher for one or several values. */
export function matcher(label: string, values: readonly string[]): string {
  const quoted = values.map((value) => value.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&').replaceAll('\\', '\\\\')).join('|');
  return values.length === 1 ? `${label}="${values[0] ?? ''}"` : `${label}=~"${quoted}"`;
}
