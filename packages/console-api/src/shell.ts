import type { GraphJson } from './graph.ts';
import { namespaceTlsJson, type TlsJson } from './tls.ts';
import type { CheckJson } from './validations.ts';
import type { MeshView } from './view.ts';

/** The namespaces, with the lock of each; also those that are not part of the mesh. */
export function namespacesJson(view: MeshView): object[] {
  return view.namespaces.map((one) => ({
    name: one.name,
    cluster: view.clusterName,
    isAmbient: false,
    isControlPlane: one.isControlPlane,
    labels: one.labels,
    annotations: one.annotations,
    revision: one.revision,
    isInjected: one.isInjected,
    tls: namespaceTlsJson(view, one.name),
  }));
}

/** What answers, in the shape that Kiali's about box reads. */
export function statusJson(view: MeshView): object {
  return {
    status: { 'Kiali state': 'running', 'Kiali version': view.meltemiVersion, 'Mesh name': 'Meltemi', 'Mesh version': view.meltemiVersion },
    externalServices: [
      { name: 'Meltemi', version: view.meltemiVersion },
      { name: 'Prometheus', version: 'built in', url: '/prometheus' },
      { name: 'Jaeger', version: 'built in', url: '/jaeger' },
    ],
    warningMessages: [],
    istioEnvironment: { isMaistra: false, istioAPIEnabled: true },
  };
}

/** Nobody has to log in to read on this machine; writing asks for a session or token. */
export function authInfoJson(sessionEnds: string | undefined): object {
  return { strategy: 'anonymous', sessionInfo: sessionEnds === undefined ? {} : { expiresOn: sessionEnds, username: 'admin' } };
}

export interface ConfigJsonInput {
  readonly view: MeshView;
  /** How long metrics are kept, seconds. */
  readonly retentionSeconds: number;
  /** How often proxies report, seconds. */
  readonly intervalSeconds: number;
}

/** Settings that the console starts with, Kiali's names. */
export function consoleConfigJson({ view, retentionSeconds, intervalSeconds }: ConfigJsonInput): object {
  return {
    clusters: {
      [view.clusterName]: {
        accessible: true,
        apiEndpoint: '',
        isKialiHome: true,
        kialiInstances: [],
        name: view.clusterName,
        network: '',
        secretName: '',
      },
    },
    clusterWideAccess: true,
    controlPlanes: { [view.clusterName]: view.rootNamespace },
    deployment: { viewOnlyMode: false },
    healthConfig: { rate: [] },
    istioConfigMap: 'istio',
    istioIdentityDomain: `svc.${view.trustDomain}`,
    istioNamespace: view.rootNamespace,
    istioLabels: { appLabelName: 'app', injectionLabelName: 'istio-injection', injectionLabelRev: 'istio.io/rev', versionLabelName: 'version' },
    istioStatusEnabled: true,
    gatewayAPIEnabled: false,
    ambientEnabled: false,
    kialiFeatureFlags: {
      uiDefaults: {
        graph: {
          findOptions: [
            { description: 'Find: slow edges (> 1s)', expression: 'rt > 1000' },
            { description: 'Find: unhealthy nodes', expression: '! healthy' },
            { description: 'Find: unknown nodes', expression: 'name = unknown' },
          ],
          hideOptions: [
            { description: 'Hide: healthy nodes', expression: 'healthy' },
            { description: 'Hide: unknown nodes', expression: 'name = unknown' },
          ],
          traffic: { grpc: 'requests', http: 'requests', tcp: 'sent' },
        },
        metricsPerRefresh: '1m',
        namespaces: [],
        refreshInterval: '15s',
      },
    },
    prometheus: { globalScrapeInterval: intervalSeconds, storageTsdbRetention: retentionSeconds },
  };
}

/** `event: graph` of `/meltemi/v1/stream/graph`. */
export interface GraphEvent {
  /** Grows by one with each event of the stream. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly sentAtMs: number;
  readonly graph: GraphJson;
}

/** `event: heartbeat`, at least every two seconds: a console without one for five shows that it is cut off. */
export interface HeartbeatEvent {
  readonly sequence: number;
  readonly sentAtMs: number;
}

/** `event: config` of `/meltemi/v1/stream/config`: the snapshot changed; what lists and locks show at once. */
export interface ConfigEvent {
  readonly sequence: number;
  readonly sentAtMs: number;
  readonly version: string;
  readonly tls: TlsJson;
  readonly objects: number;
  readonly errors: number;
  readonly warnings: number;
  readonly problems: readonly (CheckJson & { readonly object?: { readonly kind: string; readonly namespace: string; readonly name: string } })[];
}
