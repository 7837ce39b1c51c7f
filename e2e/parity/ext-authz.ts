/** Services that allow or refuse requests, for cases. */
import { defineCase, type ParityCase } from './define.ts';
import { grpcReply } from './backend/grpc-message.ts';
import type { BackendScript, Reply } from './backend/script.ts';
import { chain, filter, settings } from './filters.ts';
import type { CaseContext } from './harness/context.ts';
import { any, cluster, http1, HTTP2_UPSTREAM, to, type Resources } from './resources.ts';
import { clusterStats, type Step } from './steps.ts';

export const TYPE = 'filters.http.ext_authz.v3.ExtAuthz';
export const PASSED = { status: 200, body: 'main' } as const;
export const perRoute = (config: object): object => settings({ authz: any('filters.http.ext_authz.v3.ExtAuthzPerRoute', config) });
export const list = (...names: readonly string[]): object => ({ patterns: names.map((exact) => ({ exact })) });

const httpService = (c: CaseContext, more: object, timeout: string): object => ({
  http_service: { server_uri: { uri: 'http://authz.test', cluster: c.name('authz'), timeout }, ...more },
});

/** A filter that asks a service over HTTP. */
const byHttp = (c: CaseContext, { fields = {}, service = {}, short = false }: Pick<Setting, 'fields' | 'service' | 'short'>): object =>
  filter('authz', TYPE, { transport_api_version: 'V3', ...httpService(c, service, short ? '0.1s' : '5s'), ...fields });

interface Setting {
  readonly authz: BackendScript;
  readonly fields?: object;
  readonly service?: object;
  readonly main?: BackendScript;
  readonly routes?: (c: CaseContext) => readonly object[];
  /** The service has only a tenth of a second. */
  readonly short?: boolean;
}

export function asks(
  name: string,
  { authz, main = [{ body: 'main' }], routes = (c) => [to(c, 'main')], ...setting }: Setting,
  steps: readonly Step[],
  log?: ParityCase['log'],
): ParityCase {
  return defineCase({
    name,
    backends: { main, authz },
    resources: (c) => http1(c, routes(c), chain(c, [byHttp(c, setting)])),
    steps,
    ...(log === undefined ? {} : { log }),
  });
}

/** What refusals are counted as, of the cluster that the request would have gone to. */
export const counted = (counts: Readonly<Record<string, number>>): Step => clusterStats('main', counts);

export const OK: readonly Reply[] = [{ status: 200 }];
export const NO: readonly Reply[] = [{ status: 403, body: 'go away', headers: { 'x-why': 'because', 'content-type': 'text/html' } }];

export const check = (json: object): readonly Reply[] => grpcReply('envoy.service.auth.v3.CheckResponse', json);
export const USER_LOG = { user: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:user)%' };

export interface QueryChange {
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}
export const parameters = ({ set = {}, remove = [] }: QueryChange): object => ({
  query_parameters_to_set: Object.entries(set).map(([key, value]) => ({ key, value })),
  query_parameters_to_remove: remove,
});
export const option = (key: string, value: string, more: object = {}): object => ({ header: { key, value }, ...more });

export function byGrpc(
  name: string,
  replies: readonly Reply[],
  steps: readonly Step[],
  { fields = {}, routes = (c: CaseContext) => [to(c, 'main')] as readonly object[], log = {}, main = [{ body: 'main' }] as readonly Reply[] } = {},
): ParityCase {
  return defineCase({
    name: `gRPC: ${name}`,
    backends: { main, authz: { t: 'http2', replies } },
    resources: (c): Resources => {
      const asking = filter('authz', TYPE, {
        transport_api_version: 'V3',
        grpc_service: { envoy_grpc: { cluster_name: c.name('authz') }, timeout: '5s' },
        ...fields,
      });
      return http1(c, routes(c), chain(c, [asking], log), [cluster(c, 'main'), cluster(c, 'authz', HTTP2_UPSTREAM)]);
    },
    steps,
  });
}
