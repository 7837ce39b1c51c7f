export { startControlPlane } from './control-plane.ts';
export type { ConfigReport } from './mesh/config-report.ts';
export type { ControlPlane, ControlPlaneOptions } from './options.ts';
export { createAdsServer, type AdsServer, type AdsServerOptions } from './xds/ads-server.ts';
export type { AckResult, ConnectedNode, ConnectionEvent, NodeTypeStatus } from './xds/connected-node.ts';
export type { GeneratedResource, XdsGenerator, XdsNode, XdsUpdate } from './xds/generator.ts';
