import type { Headers, HTTPRouteFilter } from '@meltemi/api';

/** What filters do to headers. */
export function headersOf(filters: readonly HTTPRouteFilter[]): Headers | undefined {
  const request = filters.find((filter) => filter.requestHeaderModifier !== undefined)?.requestHeaderModifier;
  const response = filters.find((filter) => filter.responseHeaderModifier !== undefined)?.responseHeaderModifier;
  if (request === undefined && response === undefined) return undefined;
  return {
    ...(request === undefined ? {} : { request: operations(request) }),
    ...(response === undefined ? {} : { response: operations(response) }),
  };
}

type Modifier = NonNullable<HTTPRouteFilter['requestHeaderModifier']>;

function operations({ set, add, remove }: Modifier): NonNullable<Headers['request']> {
  // A "%" is a plain character here.
  const record = (list: Modifier['set']) => firstOfEach((list ?? []).map(({ name, value }) => [name.toLowerCase(), value.replaceAll('%', '%%')]));
  return {
    ...(set === undefined ? {} : { set: record(set) }),
    ...(add === undefined ? {} : { add: record(add) }),
    ...(remove === undefined ? {} : { remove: remove.map((name) => name.toLowerCase()) }),
  };
}

/** Of entries with one name the first counts. */
export function firstOfEach<T>(entries: readonly (readonly [name: string, value: T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(new Map(entries.toReversed()));
}
