import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { Problem } from '@meltemi/base';
import { getJson, query } from './fetch.ts';
import type { ConfigList, HealthData, ListItem, NamespaceInfo, ObjectDetails, TlsStatus } from './kiali.ts';

export type ListKind = 'app' | 'service' | 'workload';

interface ListAnswer {
  readonly applications?: readonly ListItem[];
  readonly services?: readonly ListItem[];
  readonly workloads?: readonly ListItem[];
  readonly validations?: unknown;
}

type HealthByName = Readonly<Record<string, Readonly<Record<string, HealthData>>>>;

interface HealthAnswer {
  readonly namespaceAppHealth?: HealthByName;
  readonly namespaceServiceHealth?: HealthByName;
  readonly namespaceWorkloadHealth?: HealthByName;
}

const LIST_PATH: Readonly<Record<ListKind, string>> = {
  app: '/api/clusters/apps',
  service: '/api/clusters/services',
  workload: '/api/clusters/workloads',
};

/** How often pages without a push stream read again; `false` is never. */
export function interval(refreshMs: number): number | false {
  if (refreshMs === 0) return false;
  return refreshMs < 0 ? 5000 : refreshMs;
}

export function namespacesQuery() {
  return queryOptions({
    queryKey: ['namespaces'],
    queryFn: ({ signal }) => getJson<readonly NamespaceInfo[]>('/api/namespaces', signal),
    refetchInterval: 10_000,
    staleTime: 5000,
  });
}

export function meshTlsQuery() {
  return queryOptions({
    queryKey: ['mesh-tls'],
    queryFn: ({ signal }) => getJson<TlsStatus>('/api/mesh/tls', signal),
    refetchInterval: 10_000,
    staleTime: 5000,
  });
}

/** Who the server takes this browser for: nobody, or the owner of a session. */
export function sessionQuery() {
  return queryOptions({
    queryKey: ['session'],
    queryFn: ({ signal }) => getJson<{ readonly sessionInfo?: { readonly username?: string } }>('/api/auth/info', signal),
    refetchInterval: 60_000,
    retry: false,
  });
}

export function healthQuery(kind: ListKind, namespaces: readonly string[], durationSeconds: number, refreshMs: number) {
  return queryOptions({
    queryKey: ['health', kind, namespaces, durationSeconds],
    queryFn: async ({ signal }) => {
      const answer = await getJson<HealthAnswer>(
        `/api/clusters/health${query({ namespaces: namespaces.join(','), type: kind, rateInterval: `${durationSeconds}s` })}`,
        signal,
      );
      return { app: answer.namespaceAppHealth, workload: answer.namespaceWorkloadHealth, service: answer.namespaceServiceHealth }[kind] ?? {};
    },
    enabled: namespaces.length > 0,
    refetchInterval: interval(refreshMs),
    placeholderData: keepPreviousData,
  });
}

export function listQuery(kind: ListKind, namespaces: readonly string[], durationSeconds: number, refreshMs: number) {
  return queryOptions({
    queryKey: ['list', kind, namespaces, durationSeconds],
    queryFn: async ({ signal }) => {
      const answer = await getJson<ListAnswer>(
        `${LIST_PATH[kind]}${query({ namespaces: namespaces.join(','), health: true, istioResources: true, rateInterval: `${durationSeconds}s` })}`,
        signal,
      );
      return answer.applications ?? answer.workloads ?? answer.services ?? [];
    },
    enabled: namespaces.length > 0,
    refetchInterval: interval(refreshMs),
    placeholderData: keepPreviousData,
  });
}

export function configQuery(namespaces: readonly string[]) {
  return queryOptions({
    queryKey: ['config', namespaces],
    queryFn: ({ signal }) => getJson<ConfigList>(`/api/istio/config${query({ namespaces: namespaces.join(','), validate: true })}`, signal),
    enabled: namespaces.length > 0,
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });
}

/** One object, by the tail of its address. */
export function objectQuery(path: string) {
  return queryOptions({
    queryKey: ['config', path],
    queryFn: ({ signal }) => getJson<ObjectDetails>(`/api${path}`, signal),
    refetchInterval: 15_000,
  });
}

/** All problems of the configuration, those of objects included that are held back and thus in no list. */
export function problemsQuery() {
  return queryOptions({
    queryKey: ['problems'],
    queryFn: async ({ signal }) => (await getJson<{ readonly problems: readonly Problem[] }>('/meltemi/v1/problems', signal)).problems,
    refetchInterval: 10_000,
    retry: false,
  });
}
