export { createAuthorizer, type AccessDecision, type AccessRequest, type Authorizer, type AuthorizerOptions } from './auth.ts';
export { request, requestStream, type ClientRequest, type ClientResponse, type ClientStream } from './client.ts';
export { isLoopback, isOwnHost } from './host-check.ts';
export { errorResponse, HttpError, json, text } from './respond.ts';
export { createHttpServer, type HttpServer, type HttpServerOptions, type ServerLimits } from './server.ts';
export { createSessions, sessionRoute, type Sessions } from './sessions.ts';
export { eventStream, type EventStream, type ServerEvent } from './sse.ts';
export { staticFiles, type StaticOptions } from './static-files.ts';
export type { Access, BodyWriter, Caller, Handler, HttpRequest, HttpResponse, Route } from './types.ts';
