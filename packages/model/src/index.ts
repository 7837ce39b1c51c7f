export { DEFAULT_MESH_CONFIG, type MeshConfig } from './types/mesh-config.ts';
export { isHttp, isHttp2, isTls, parseProtocol, selectProtocol, type Protocol } from './types/protocol.ts';
export type { ProxyNode, XdsNode } from './types/proxy-node.ts';
export type { Endpoint, Health, InlineEndpoint, Labels, Locality, Resolution, Service, ServicePort, Vip, Workload, WorkloadPort } from './types/service.ts';
