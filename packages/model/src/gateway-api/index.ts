export { derivedRule, isDerived, type DerivedRule } from './derived.ts';
export type { GatewayApiState } from './state.ts';
export { gatewayApiStatus } from './status.ts';
