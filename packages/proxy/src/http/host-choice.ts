import {
  OVERRIDE_HOST,
  parseAddress,
  type CompiledCluster,
  type CompiledForward,
  type CompiledHash,
  type CompiledRetry,
  type Host,
  type MetadataStruct,
  type PickWish,
} from '@meltemi/runtime';
import type { SocketAddress } from '@meltemi/runtime';
import { clientAddress } from './filters/context.ts';
import type { Exchange } from './exchange.ts';
import { closeForgotten } from '../pool/host-pools.ts';
import { REPLIES } from './replies.ts';

/** What the choice of a host takes into account, for requests that ask for something special. Made once, before the first attempt. */
export interface HostChoice {
  hash: bigint | undefined;
  /** `set-cookie` lines by which the client comes back to the same host. */
  readonly setCookies: string[];
  /** The destination that a header names, for clusters of original destinations; or what a filter has found, for a dynamic forward proxy. */
  readonly destination: SocketAddress | undefined;
  /** The name that was looked up to find it; '' = none was. */
  readonly hostname: string;
  /** Hosts tried so far, and the priorities that the next try avoids. */
  readonly tried: Host[];
  readonly triedPriorities: Set<number>;
}

/** The scanner must show the request. undefined = nothing special. */
export function createHostChoice(x: Exchange, action: CompiledForward, cluster: CompiledCluster): HostChoice | undefined {
  const { discovery } = cluster.config;
  const { view } = x.worker;
  const named = discovery.t === 'original-dst' && discovery.header !== undefined ? view.header(discovery.header) : undefined;
  if (hashOf(cluster, action) === undefined && named === undefined) return undefined;
  return emptyChoice(named === undefined ? undefined : parseAddress(named));
}

function hashOf({ config: { lb }, hash }: CompiledCluster, action: CompiledForward): CompiledHash | undefined {
  return lb.t === 'ring-hash' || lb.t === 'maglev' ? (hash ?? action.hash) : undefined;
}

function emptyChoice(destination: SocketAddress | undefined): HostChoice {
  return { hash: undefined, setCookies: [], destination, hostname: '', tried: [], triedPriorities: new Set() };
}

/** Hashes what the policies ask for, as the filters have left it. The scanner must show the request. */
export function hashRequest(x: Exchange, choice: HostChoice): void {
  const { cluster, forward } = x;
  const hashed = cluster === undefined || forward === undefined ? undefined : hashOf(cluster, forward);
  if (hashed !== undefined) choice.hash = computeHash(x, hashed, choice.setCookies);
}

/** What a request calls was looked up: that is where it goes. */
export function withDestination(x: Exchange, destination: SocketAddress, hostname: string): void {
  x.hostChoice = { ...(x.hostChoice ?? emptyChoice(undefined)), destination, hostname };
}

function computeHash(x: Exchange, hash: CompiledHash, setCookies: string[]): bigint | undefined {
  const { local, remote } = x.info.connection;
  return hash.compute(x.worker.view, { source: clientAddress(x), pair: remote + local }, (line) => void setCookies.push(line));
}

/** The present host has been tried. */
export function rememberTried(x: Exchange, { avoids, config }: CompiledRetry): void {
  const { host } = x;
  if (host === undefined || (avoids === undefined && config.avoidPrioritiesAfter === 0)) return;
  const choice = (x.hostChoice ??= emptyChoice(undefined));
  choice.tried.push(host);
  const every = config.avoidPrioritiesAfter;
  if (every === 0 || choice.tried.length % every !== 0) return;
  for (const tried of choice.tried.slice(-every)) choice.triedPriorities.add(tried.priority);
}

/** The host of the next attempt. undefined = there is none, and the client has its answer. */
export function pickHost(x: Exchange): Host | undefined {
  const { cluster, worker } = x;
  if (cluster === undefined) return undefined;
  const { t } = cluster.config.discovery;
  if (t === 'original-dst') return originalHost(x, cluster);
  if (t === 'dynamic') return namedHost(x, cluster);
  const host = cluster.pick(worker.random, worker.wheel.recent, wishOf(x));
  if (host === undefined) {
    cluster.counts.cxNoneHealthy++;
    x.downstream.reply(x, REPLIES.noHost);
  }
  return host;
}

function wishOf(x: Exchange): PickWish | undefined {
  const { hostChoice, choice, info } = x;
  const override = info.dynamicMetadata?.get(OVERRIDE_HOST);
  const criteria = choice === undefined || choice.criteria.length === 0 ? undefined : choice.criteria;
  if (hostChoice === undefined && criteria === undefined && override === undefined) return undefined;
  const tried = hostChoice?.tried ?? [];
  return {
    hash: hostChoice?.hash,
    criteria,
    ...avoiding(x.retry, tried),
    triedPriorities: hostChoice?.triedPriorities,
    // A session's host that failed is not asked again.
    override: tried.length > 0 ? undefined : sessionHost(override),
  };
}

/** What a retry would rather not have. */
function avoiding(retry: CompiledRetry | undefined, tried: readonly Host[]): Pick<PickWish, 'rejects' | 'attempts'> {
  const avoids = retry?.avoids;
  if (retry === undefined || avoids === undefined || tried.length === 0) return { attempts: 1 };
  return { rejects: (host) => avoids(host, tried), attempts: retry.config.hostAttempts + 1 };
}

function sessionHost(override: MetadataStruct | undefined): PickWish['override'] {
  if (override === undefined) return undefined;
  const { address, strict } = override;
  return typeof address === 'string' ? { address, strict: strict === true } : undefined;
}

/** The client has named a destination that it may not name: it has its answer. */
function isDenied(x: Exchange, { address }: SocketAddress): boolean {
  const denied = x.worker.denies?.(address) === true;
  if (denied) x.downstream.reply(x, REPLIES.deniedDestination);
  return denied;
}

/** Without the filter that looks names up nothing is known of any. */
function namedHost(x: Exchange, cluster: CompiledCluster): Host | undefined {
  const { destination, hostname } = x.hostChoice ?? {};
  if (destination === undefined) {
    x.downstream.reply(x, REPLIES.noHost);
    return undefined;
  }
  if (isDenied(x, destination)) return undefined;
  const host = cluster.originalDst(destination, hostname);
  if (cluster.forgotten.length > 0) closeForgotten(cluster);
  return host;
}

function originalHost(x: Exchange, cluster: CompiledCluster): Host | undefined {
  const { connection } = x.info;
  const { discovery } = cluster.config;
  const named = x.hostChoice?.destination;
  // Not redirected: the "original destination" is this very listener.
  const loops = connection.originalPort === connection.localPort && connection.originalAddress === connection.localAddress;
  if (named === undefined && loops && discovery.t === 'original-dst' && discovery.portOverride === undefined) {
    x.downstream.reply(x, REPLIES.noHost);
    return undefined;
  }
  if (named !== undefined && isDenied(x, named)) return undefined;
  const host = cluster.originalDst(named ?? { address: connection.originalAddress, port: connection.originalPort });
  if (cluster.forgotten.length > 0) closeForgotten(cluster);
  return host;
}
