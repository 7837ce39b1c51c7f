export { graphJson, type BoxBy, type EdgeJson, type GraphJson, type HashPort, type NodeJson, type TrafficJson } from './graph.ts';
export { graphMesh, workloadStatus } from './graph-mesh.ts';
export type { ConfigObject, InstanceView, MeshSource, MeshView, NamespaceView, ServiceView, WorkloadView } from './view.ts';
