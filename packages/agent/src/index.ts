export { runAgentProcess } from './agent-process.ts';
export { chooseInterception, type InterceptionChoice } from './interception/choose.ts';
export { createBridge, type OwnedBridge } from './interception/netns/bridge.ts';
export { bridgeObstacle } from './interception/netns/forwarding.ts';
export { removeLeftovers, type Leftovers } from './interception/netns/leftovers.ts';
export { runWorkload } from './run-workload.ts';
export {
  ISTIO_PORTS,
  type AgentConfig,
  type AgentPorts,
  type ApplicationOptions,
  type BridgeNetwork,
  type DataPlane,
  type InterceptionMode,
  type JoinRequest,
  type JoinResult,
  type ProxyOptions,
  type RunningWorkload,
  type WorkloadEvent,
  type WorkloadIdentity,
  type WorkloadOptions,
  type WorkloadPort,
  type XdsNode,
} from './types.ts';
export { PROXY_ENVIRONMENT, PROXY_NODE_OPTIONS } from './data-plane/embedded.ts';
