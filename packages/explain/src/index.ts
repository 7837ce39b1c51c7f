export { meshOf, workloadKey, type MeshParts } from './mesh.ts';
export { nodeRuntime, type NodeRuntime } from './node-runtime.ts';
export { simulate } from './simulate.ts';
export type { Call, Fault, Leg, Reason, Result, Shared, SimulatedMesh } from './types.ts';
