export { appDetailsJson, serviceDetailsJson, workloadDetailsJson } from './details.ts';
export { graphJson, type BoxBy, type EdgeJson, type GraphJson, type HashPort, type NodeJson, type TrafficJson } from './graph.ts';
export { graphMesh, workloadStatus } from './graph-mesh.ts';
export {
  clustersHealthJson,
  type AppHealthJson,
  type HealthVerdict,
  type RequestsJson,
  type ServiceHealthJson,
  type WorkloadHealthJson,
} from './health.ts';
export { appsJson, servicesJson, workloadsJson } from './lists.ts';
export {
  authInfoJson,
  consoleConfigJson,
  namespacesJson,
  statusJson,
  type ConfigEvent,
  type ConfigJsonInput,
  type GraphEvent,
  type HeartbeatEvent,
} from './shell.ts';
export { configEvent, sseEvent } from './stream.ts';
export { meshTlsJson, namespaceTlsJson, type MtlsMode, type TlsJson } from './tls.ts';
export {
  configListJson,
  configOf,
  gvkJson,
  gvkKey,
  problemsOf,
  validationJson,
  validationsJson,
  validationSummaries,
  type CheckJson,
  type GvkJson,
  type ValidationJson,
  type ValidationsJson,
} from './validations.ts';
export type { ConfigObject, InstanceView, MeshSource, MeshView, NamespaceView, ServiceView, WorkloadView } from './view.ts';
