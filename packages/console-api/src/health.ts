import {
  errorPercent,
  HEALTH_ANNOTATION,
  overallHealth,
  type HealthStatus,
  type NamespaceTraffic,
  type RatesByCode,
  type WorkloadStatus,
} from '@meltemi/telemetry';
import { workloadStatus } from './graph-mesh.ts';
import type { MeshView, WorkloadView } from './view.ts';

/** Requests in Kiali's shape. */
export interface RequestsJson {
  readonly inbound: RatesByCode;
  readonly outbound: RatesByCode;
  readonly healthAnnotations: Readonly<Record<string, string>>;
}

/** The verdict, computed here so that every screen says the same. */
export interface HealthVerdict {
  readonly status: HealthStatus;
  /** Percent of failed requests, both directions; null without traffic. */
  readonly errorRatio: number | null;
  /** Requests per second. */
  readonly inboundRate: number;
  readonly outboundRate: number;
}

export interface AppHealthJson {
  readonly workloadStatuses: readonly WorkloadStatus[];
  readonly requests: RequestsJson;
  readonly status: HealthVerdict;
}

export interface ServiceHealthJson {
  readonly requests: RequestsJson;
  readonly status: HealthVerdict;
}

export interface WorkloadHealthJson {
  readonly workloadStatus: WorkloadStatus | null;
  readonly requests: RequestsJson;
  readonly status: HealthVerdict;
}

const NOTHING = { inbound: {}, outbound: {} };

function total(rates: RatesByCode): number {
  return Object.values(rates).reduce((sum, codes) => sum + Object.values(codes).reduce((a, b) => a + b, 0), 0);
}

function verdict(requests: RequestsJson, workloads: readonly WorkloadStatus[]): HealthVerdict {
  const both: RatesByCode = {};
  for (const rates of [requests.inbound, requests.outbound]) {
    for (const [protocol, codes] of Object.entries(rates)) {
      const into = (both[protocol] ??= {});
      for (const [code, rate] of Object.entries(codes)) into[code] = (into[code] ?? 0) + rate;
    }
  }
  return {
    status: overallHealth(requests, workloads),
    errorRatio: errorPercent(both) ?? null,
    inboundRate: total(requests.inbound),
    outboundRate: total(requests.outbound),
  };
}

function annotations(of: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const rate = of?.[HEALTH_ANNOTATION];
  return rate === undefined ? {} : { [HEALTH_ANNOTATION]: rate };
}

export function appHealthJson(traffic: NamespaceTraffic, namespace: string, app: string, workloads: readonly WorkloadView[]): AppHealthJson {
  const requests = { ...(traffic.apps.get(`${namespace} ${app}`) ?? NOTHING), healthAnnotations: annotations(workloads[0]?.annotations) };
  const workloadStatuses = workloads.map(workloadStatus);
  return { workloadStatuses, requests, status: verdict(requests, workloadStatuses) };
}

export function serviceHealthJson(
  traffic: NamespaceTraffic,
  namespace: string,
  service: string,
  own: Readonly<Record<string, string>>,
): ServiceHealthJson {
  const requests = { ...(traffic.services.get(`${namespace} ${service}`) ?? NOTHING), healthAnnotations: annotations(own) };
  return { requests, status: verdict(requests, []) };
}

export function workloadHealthJson(traffic: NamespaceTraffic, workload: WorkloadView): WorkloadHealthJson {
  const requests = {
    ...(traffic.workloads.get(`${workload.namespace} ${workload.name}`) ?? NOTHING),
    healthAnnotations: annotations(workload.annotations),
  };
  const status = workloadStatus(workload);
  return { workloadStatus: status, requests, status: verdict(requests, [status]) };
}

/** Workloads by application, sorted by name; a workload without a name for its application is not part of one. */
export function appsOf(view: MeshView, namespace: string): Map<string, WorkloadView[]> {
  const apps = Map.groupBy(
    view.workloads.filter((one) => one.namespace === namespace && one.app !== ''),
    (one) => one.app,
  );
  return new Map([...apps].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Health of everything of one type in some namespaces, in Kiali's shape. */
export function clustersHealthJson(
  view: MeshView,
  traffic: NamespaceTraffic,
  namespaces: readonly string[],
  type: 'app' | 'service' | 'workload',
): object {
  const of = (namespace: string): Record<string, object> => {
    if (type === 'app')
      return Object.fromEntries([...appsOf(view, namespace)].map(([app, workloads]) => [app, appHealthJson(traffic, namespace, app, workloads)]));
    if (type === 'service')
      return Object.fromEntries(
        view.services
          .filter((one) => one.namespace === namespace)
          .map((one) => [one.name, serviceHealthJson(traffic, namespace, one.name, one.annotations)]),
      );
    return Object.fromEntries(view.workloads.filter((one) => one.namespace === namespace).map((one) => [one.name, workloadHealthJson(traffic, one)]));
  };
  const filled = Object.fromEntries(namespaces.map((namespace) => [namespace, of(namespace)]));
  return {
    namespaceAppHealth: type === 'app' ? filled : {},
    namespaceServiceHealth: type === 'service' ? filled : {},
    namespaceWorkloadHealth: type === 'workload' ? filled : {},
  };
}
