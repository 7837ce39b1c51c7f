import { compileListener } from '../compile/listener.ts';
import type { CompiledHttp, CompiledRoute, RequestView } from '../compiled.ts';
import { decodeListener } from '../decode/index.ts';
import type { FilterContext, FilterPeer, FilterVerdict, MetadataStruct } from '../filters/types.ts';
import { any, faults, hcm, listener, request, ROUTER, socket } from './samples.ts';

/** What a test says of one call through the filters; the rest is ordinary. */
export interface FilterCall {
  readonly request?: RequestView;
  readonly peer?: Partial<FilterPeer>;
  readonly random?: () => number;
  readonly nowMs?: number;
  readonly wallMs?: number;
  readonly endOfStream?: boolean;
  /** What this thread shares with others. */
  readonly shared?: FilterContext['thread']['shared'];
  readonly metadata?: Readonly<Record<string, MetadataStruct>>;
  /** In place of a thread of the call's own. */
  readonly thread?: FilterContext['thread'];
}

/** A connection manager with one filter and one route, and what it counted. */
export interface FilterBench {
  readonly http: CompiledHttp;
  readonly counted: ReadonlyMap<string, number>;
  /** What the filter says; undefined also when it is idle on the route. */
  decide(call?: FilterCall): FilterVerdict | undefined;
}

function listenerJson(type: string, config: object, route: object, virtualHost: object): object {
  const name = 'subject';
  const routes = { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }], ...virtualHost }] };
  const filters = [{ name, typed_config: any(type, config) }, ROUTER];
  return {
    name: 'l',
    address: socket('0.0.0.0', 80),
    filter_chains: [{ filters: [hcm({ route_config: routes, http_filters: filters })] }],
  };
}

/** Faults of a configuration, as `path: message`, without the way to the filter. */
export function filterFaults(type: string, config: object, route: object = { route: { cluster: 'c' } }): readonly string[] {
  const prefix = 'filter_chains[0].filters[0].typed_config.';
  return faults(decodeListener(listenerJson(type, config, route, {}))).map((fault) =>
    fault.replace(prefix, '').replace('http_filters[0].typed_config.', ''),
  );
}

/** Compiles one filter, called `subject` in the chain. */
export function filterBench(
  type: string,
  config: object,
  { route = {}, virtualHost = {} }: { route?: object; virtualHost?: object } = {},
): FilterBench {
  const compiled = compileListener(listener(listenerJson(type, config, { route: { cluster: 'c' }, ...route }, virtualHost)), () => undefined);
  const chain = compiled.selectChain({
    destination: { address: '10.0.0.1', port: 80 },
    source: { address: '10.0.0.9', port: 40_000 },
    directSource: { address: '10.0.0.9', port: 40_000 },
    serverName: '',
    transportProtocol: 'raw_buffer',
    applicationProtocols: [],
  });
  if (chain?.terminal.t !== 'http') throw new Error('no HTTP chain');
  const { http } = chain.terminal;
  const counted = new Map<string, number>();
  return {
    http,
    counted,
    decide(call = {}) {
      const view = call.request ?? request('/');
      const found = http.routes()?.match(view, () => 0);
      const choice = found?.action.t === 'forward' ? found.action.pickCluster(view, 0) : undefined;
      const [filter] = http.filters.of(found, choice);
      return filter?.decide(context(call, view, found, counted));
    },
  };
}

function context(call: FilterCall, view: RequestView, route: CompiledRoute | undefined, counted: Map<string, number>): FilterContext {
  return {
    request: view,
    route,
    choice: route?.action.t === 'forward' ? route.action.pickCluster(view, 0) : undefined,
    endOfStream: call.endOfStream ?? true,
    peer: {
      connection: counted,
      directAddress: '10.0.0.9',
      directPort: 40_000,
      sourceAddress: '10.0.0.9',
      remoteAddress: '10.0.0.9',
      localAddress: '10.0.0.1',
      localPort: 80,
      serverName: '',
      tls: undefined,
      ...call.peer,
    },
    thread: call.thread ?? {
      random: call.random ?? (() => 0),
      nowMs: () => call.nowMs ?? 0,
      wallMs: () => call.wallMs ?? 0,
      activeFaults: 0,
      shared: call.shared,
      failing: false,
      serviceCluster: '',
      hosts: () => undefined,
      tally: (name) => ({
        get value() {
          return counted.get(name) ?? 0;
        },
        set value(next) {
          counted.set(name, next);
        },
      }),
    },
    metadata: (namespace) => call.metadata?.[namespace],
    format: { format: (operator, argument) => (operator === 'REQ' ? view.header(argument.toLowerCase()) : undefined) },
  };
}
