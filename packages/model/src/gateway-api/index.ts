export { convertGatewayApi } from './convert.ts';
export { derivedRule, isDerived, type DerivedRule } from './derived.ts';
export { resolveBackend, type BackendReference } from './references.ts';
export type { GatewayApiState } from './state.ts';
export { gatewayApiStatus } from './status.ts';
