import {
  compileFormat,
  countCode,
  countEvent,
  httpStatus,
  namesMatch,
  type AuthzQuestion,
  type ExtAuthzConfig,
  type FilterVerdict,
  type HttpAuthz,
} from '@meltemi/runtime';
import type { Exchange } from '../exchange.ts';
import { questionHeaders, sendAside, type SideRequest } from '../side-request.ts';
import { failureVerdict, grpcVerdict, httpVerdict } from './authz-answer.ts';
import { bodyToTell, checkRequest, PARTIAL_BODY, headersToTell, joinedHeaders } from './authz-request.ts';
import { callGrpc, type GrpcMethod } from './grpc-unary.ts';
import { count, defineHalf, type AskCall, type FilterHalf } from './half.ts';

const CHECK: GrpcMethod = {
  path: '/envoy.service.auth.v3.Authorization/Check',
  request: 'envoy.service.auth.v3.CheckRequest',
  response: 'envoy.service.auth.v3.CheckResponse',
};

/** Asks an authorization service, over gRPC or HTTP. */
export const extAuthzHalf: FilterHalf = defineHalf<AuthzQuestion>({
  t: 'ext-authz',
  ask(question, call) {
    const { service } = question.config;
    if (service.t === 'http') return askHttp(question, call, service.http);
    const { config } = question;
    return callGrpc(call.x.worker, service.grpc, { method: CHECK, message: checkRequest(call.x, question) }, (answer) =>
      answer.t === 'failed'
        ? fail(call, config)
        : finish(call, config, grpcVerdict(config, answer.message, { path: call.x.viewPath, statusOf: deniedStatus })),
    );
  },
});

/** The service could not be asked, or its answer is none. */
function fail(call: AskCall, config: ExtAuthzConfig): void {
  tally(call, 'error');
  if (config.allowOnFailure) tally(call, 'failure_mode_allowed');
  call.done(failureVerdict(config));
}

function finish(call: AskCall, { chargeCluster }: ExtAuthzConfig, verdict: FilterVerdict | undefined): void {
  const { reply } = verdict ?? {};
  if (reply?.details === 'ext_authz_invalid') count(call, 'invalid');
  else tally(call, reply?.details === 'ext_authz_denied' ? 'denied' : 'ok');
  const counts = call.x.cluster?.counts;
  if (chargeCluster && counts !== undefined && reply?.details === 'ext_authz_denied') {
    countCode(counts, 'codes', reply.status);
    countCode(counts, 'internalCodes', reply.status);
  }
  call.done(verdict);
}

/** Of the filter, and of the cluster that the request would go to. */
function tally(call: AskCall, name: string): void {
  count(call, name);
  const counts = call.x.cluster?.counts;
  if (counts !== undefined) countEvent(counts, `ext_authz.${name}`);
}

/** 403 unless the service names another one with which a response can end. */
function deniedStatus(name: string | number | undefined): number {
  const status = name === undefined ? 0 : httpStatus(name);
  return status < 200 ? 403 : status;
}

function askHttp(question: AuthzQuestion, call: AskCall, http: HttpAuthz): () => void {
  const { config } = question;
  return sendAside(call.x.worker, httpRequest(call.x, question, http), (outcome) =>
    outcome.t === 'failed' || outcome.status >= 500 ? fail(call, config) : finish(call, config, httpVerdict(config, http, outcome)),
  );
}

/** What is told whatever the configuration says. */
const ALWAYS_TOLD = new Set(['authorization', ':method', ':path', ':authority']);

function httpRequest(x: Exchange, question: AuthzQuestion, http: HttpAuthz): SideRequest {
  const { info, worker } = x;
  const body = bodyToTell(x, question);
  const tells = told(question.config);
  const headers = Object.entries(
    joinedHeaders(headersToTell(x).filter(([name]) => tells(name) && !name.startsWith(':') && name !== 'content-length')),
  );
  const added = http.add.map(({ name, value }) => [name, compileFormat(value, '').render(worker.filterContext.use(x).format)] as const);
  return {
    cluster: http.cluster,
    method: info.method,
    authority: x.viewAuthority,
    path: http.pathPrefix + x.viewPath,
    headers: [
      ...questionHeaders(http.timeoutMs),
      ...headers,
      ...added,
      ...(body === undefined ? [] : [[PARTIAL_BODY, String(body.partial)] as const]),
    ],
    body: body?.bytes ?? NO_BODY,
    length: 'always',
    timeoutMs: http.timeoutMs,
  };
}

const NO_BODY = new Uint8Array(0);

function told({ allowedHeaders, disallowedHeaders }: ExtAuthzConfig): (name: string) => boolean {
  const allowed = namesMatch(allowedHeaders ?? []);
  const disallowed = namesMatch(disallowedHeaders);
  return (name) => (ALWAYS_TOLD.has(name) || allowed(name)) && !disallowed(name);
}
