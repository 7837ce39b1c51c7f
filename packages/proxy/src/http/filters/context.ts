import type {
  ClusterChoice,
  CompiledRoute,
  FilterContext,
  FilterPeer,
  FilterThread,
  FormatSource,
  MetadataStruct,
  PeerIdentity,
} from '@meltemi/runtime';
import { healthFlags, parseIp } from '@meltemi/runtime';
import type { Worker } from '../../core/worker.ts';
import type { ConnectionInfo } from '../../types.ts';
import type { Exchange } from '../exchange.ts';
import { headerValue, type HeadView } from '../request-view.ts';

/** The request that filters look at: one object per thread, shown another request each time. */
export class RequestContext implements FilterContext, FilterPeer {
  readonly thread: FilterThread;
  readonly request: HeadView;
  readonly #worker: Omit<Worker, 'filterContext'>;
  #x: Exchange | undefined = undefined;

  constructor(worker: Omit<Worker, 'filterContext'>) {
    this.#worker = worker;
    this.request = worker.view;
    this.thread = {
      shared: worker.shared,
      random: worker.random,
      nowMs: () => worker.wheel.recent,
      wallMs: () => worker.ports.clock.now(),
      get activeFaults() {
        return worker.activeFaults;
      },
      serviceCluster: worker.ports.node?.cluster ?? '',
      get failing() {
        return worker.failing;
      },
      hosts(name) {
        const hosts = worker.state.cluster(name)?.hosts();
        return hosts === undefined
          ? undefined
          : { total: hosts.length, fit: hosts.filter((host) => healthFlags(host, worker.wheel.recent).length === 0).length };
      },
      tally: (name) => worker.counters.tally(name),
    };
  }

  /** The worker's scanner and view must show the request. */
  use(x: Exchange): this {
    this.#x = x;
    return this;
  }

  get peer(): this {
    return this;
  }

  get route(): CompiledRoute | undefined {
    return this.#x?.route;
  }
  get choice(): ClusterChoice | undefined {
    return this.#x?.choice;
  }
  get endOfStream(): boolean {
    return this.#x?.downstream.hasBody === false;
  }
  get format(): FormatSource {
    const { requestScanner, format } = this.#worker;
    return this.#x === undefined ? format : format.use(this.#x.info, requestScanner, this.#x.head.bytes, true);
  }

  metadata(namespace: string): MetadataStruct | undefined {
    return this.#x?.info.dynamicMetadata?.get(namespace);
  }

  get connection(): ConnectionInfo {
    return (this.#x as Exchange).info.connection;
  }
  get directAddress(): string {
    return this.connection.directAddress;
  }
  get directPort(): number {
    return this.connection.directPort;
  }
  get sourceAddress(): string {
    return this.connection.remoteAddress;
  }
  get localAddress(): string {
    return this.connection.originalAddress;
  }
  get localPort(): number {
    return this.connection.originalPort;
  }
  get serverName(): string {
    const { serverName, tls } = this.connection;
    return serverName === '' ? (tls?.serverName ?? '') : serverName;
  }
  get tls(): PeerIdentity | undefined {
    return this.connection.tls;
  }
  get remoteAddress(): string {
    return this.#x === undefined ? '' : clientAddress(this.#x);
  }
}

/** The client, as far as proxies before us are trusted to name it: `x-forwarded-for` counted from its end, else the connection's peer. */
export function clientAddress(x: Exchange): string {
  if (x.clientIp !== '') return x.clientIp;
  const { useRemoteAddress, xffNumTrustedHops } = x.plan.config;
  const direct = x.info.connection.remoteAddress;
  const back = useRemoteAddress ? xffNumTrustedHops : xffNumTrustedHops + 1;
  if (back === 0) return direct;
  const told = headerValue(x.worker.requestScanner, x.head.bytes, 'x-forwarded-for')?.split(',').at(-back)?.trim();
  return told !== undefined && parseIp(told) !== undefined ? told : direct;
}
