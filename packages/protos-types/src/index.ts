/**
 * TypeScript types of the ProtoJSON form (proto field names, snake_case) of the Envoy v3 resources that the mesh speaks. Durations
 * are "5s", wrappers are unwrapped, enums are names, bytes are base64. An absent member means proto's default.
 */
export * from './access-log.ts';
export * from './any.ts';
export * from './cluster.ts';
export * from './common.ts';
export * from './discovery.ts';
export * from './endpoint.ts';
export * from './http-connection-manager.ts';
export * from './jwt-authn.ts';
export * from './listener.ts';
export * from './route-action.ts';
export * from './route.ts';
export * from './tcp-proxy.ts';
export * from './tls.ts';
export * from './type-url.ts';
