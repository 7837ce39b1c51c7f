export { errorResponse, HttpError, json, text } from './respond.ts';
export type { Access, BodyWriter, Caller, Handler, HttpRequest, HttpResponse, Route } from './types.ts';
