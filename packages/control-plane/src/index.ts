export { startControlPlane } from './control-plane.ts';
export type { ConfigReport } from './mesh/config-report.ts';
export type { ControlPlane, ControlPlaneOptions } from './options.ts';
export {
  createAdsServer,
  type AckResult,
  type AdsServer,
  type AdsServerOptions,
  type ConnectedNode,
  type ConnectionEvent,
  type NodeTypeStatus,
} from './xds/ads-server.ts';
export type { GeneratedResource, XdsGenerator, XdsNode, XdsUpdate } from './xds/generator.ts';
