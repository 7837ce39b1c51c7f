import type { Case, Place } from './field.ts';
import type { Load } from './load.ts';
import { cluster, HTTP2, httpListener, manyRoutes, observed, routeTo, tcpListener, upstreamTls, type Resources } from './resources.ts';

/** What a case adds to its kind. */
interface Options {
  readonly load: Load;
  readonly http2?: boolean;
  readonly rivals?: Case['rivals'];
  readonly floor?: Case['floor'];
  readonly goal?: Case['goal'];
}

function rest({ load, rivals, floor, goal }: Options): Pick<Case, 'load' | 'rivals' | 'floor' | 'goal'> {
  return { load, ...(rivals === undefined ? {} : { rivals }), ...(floor === undefined ? {} : { floor }), ...(goal === undefined ? {} : { goal }) };
}

/** One route, one cluster in clear. */
export function plainCase(name: string, text: string, options: Options): Case {
  const protocol = options.http2 === true ? HTTP2 : {};
  return {
    name,
    text,
    resources: async ({ port, backend }) => ({
      listeners: [httpListener(name, port, [routeTo(name)])],
      clusters: [cluster(name, backend.plain, protocol)],
    }),
    ...rest(options),
  };
}

/** So many routes of which the last one is taken, with weights, retries and a time-out; mutual TLS upstream, trace context and an access log. */
export function meshCase(name: string, text: string, routes: number, options: Options): Case {
  const protocol = options.http2 === true ? HTTP2 : {};
  return {
    name,
    text,
    async resources({ port, backend, authority, logPath }: Place): Promise<Resources> {
      const tls = await upstreamTls(authority);
      return {
        listeners: [httpListener(name, port, manyRoutes(name, routes), observed(logPath))],
        clusters: [cluster(name, backend.tls, { ...protocol, ...tls }), cluster(`${name}-canary`, backend.tls, { ...protocol, ...tls })],
      };
    },
    ...rest(options),
  };
}

/** Bytes go through; `tls`: mutual TLS upstream. */
export function tcpCase(name: string, text: string, tls: boolean, options: Options): Case {
  return {
    name,
    text,
    resources: async ({ port, backend, authority }) => ({
      listeners: [tcpListener(name, port, name)],
      clusters: [tls ? cluster(name, backend.tls, await upstreamTls(authority)) : cluster(name, backend.plain)],
    }),
    ...rest(options),
  };
}
