export { createChannel, type Channel, type ChannelOptions, type ChannelState } from './channel.ts';
export type { CallOptions, ClientCall, ClientListener } from './client-call.ts';
export { Status, statusError, type GrpcStatus, type StatusCode } from './status.ts';
export { createGrpcServer, type GrpcServer, type GrpcServerOptions } from './server.ts';
export { unaryMethod, type CallListener, type MethodHandler, type Peer, type ServerCall } from './server-call.ts';
export type { Bound, GrpcLimits, GrpcMetadata, ListenTarget, TlsClientOptions, TlsServerOptions } from './types.ts';
