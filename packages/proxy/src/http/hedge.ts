import type { AttemptEnd, Host } from '@meltemi/runtime';
import { flagBit } from '../types.ts';
import type { Aside } from './aside.ts';
import { abandonAttempt } from './end-attempt.ts';
import type { Exchange } from './exchange.ts';
import { headerValue } from './request-view.ts';
import { scheduleRetry } from './retry.ts';
import type { HeadRead, UpstreamStream, UpstreamUser } from './stream.ts';

/** Does a try that takes too long go on beside the next one? */
export function hedges(x: Exchange): boolean {
  return x.hedgeOnTimeout && x.phase === 'sent' && x.upstream !== undefined;
}

/** The present try takes too long: it goes on, and another begins if policy and limits allow one. */
export function hedge(x: Exchange): void {
  const { retry, breaker, host, cluster, info, worker } = x;
  if (host !== undefined) cluster?.report(host, 'timeout', worker.wheel.recent);
  if (retry === undefined || breaker === undefined) return;
  if (x.retriesLeft <= 0) info.flags |= flagBit('URX');
  else if (!x.replayable) return;
  else if (!x.countedRetry && !breaker.mayRetry(worker.wheel.recent)) info.flags |= flagBit('UO');
  else {
    setAside(x);
    scheduleRetry(x, { t: 'per-try-timeout' });
  }
}

/** More than one attempt from the beginning: begins the next one, if one is due. The present one has just been sent. */
export function spread(x: Exchange): void {
  if (x.extraAttempts === 0 || !x.bodyComplete || !x.replayable || x.phase !== 'sent') return;
  x.extraAttempts--;
  setAside(x);
  x.phase = 'held';
  x.again();
}

/** How many attempts a request begins with, besides the first. */
export function drawExtraAttempts(x: Exchange): number {
  const policy = x.forward?.config.hedge;
  if (policy === undefined) return 0;
  const { initialRequests, additionalChance } = policy;
  return initialRequests - 1 + (additionalChance > 0 && x.worker.random() < additionalChance ? 1 : 0);
}

function setAside(x: Exchange): void {
  const { upstream, host } = x;
  if (upstream === undefined || host === undefined) return;
  const attempt = new AsideAttempt(x, upstream, host);
  (x.aside ??= new Set()).add(attempt);
  upstream.user = attempt;
  x.upstream = undefined;
  // Its places in the counters are the attempt's now.
  x.counted = false;
}

/** An attempt that goes on beside the exchange's present one. When its answer is the first good one, the exchange takes it over. */
class AsideAttempt implements UpstreamUser, Aside {
  readonly owner: Exchange;
  readonly #stream: UpstreamStream;
  readonly #host: Host;
  #adopted = false;
  #over = false;

  constructor(owner: Exchange, stream: UpstreamStream, host: Host) {
    this.owner = owner;
    this.#stream = stream;
    this.#host = host;
  }

  get isHead(): boolean {
    return this.owner.isHead;
  }
  get scheme(): 'http' | 'https' {
    return this.owner.scheme;
  }
  get upgrade(): string {
    return this.owner.upgrade;
  }

  drop(): void {
    if (this.#adopted || this.#over) return;
    this.#leave();
    this.#stream.abandon();
  }

  onResponse(stream: UpstreamStream, read: HeadRead): number {
    const x = this.owner;
    if (this.#over) return -1;
    const { responseScanner: scanner } = x.worker;
    const end: AttemptEnd = { t: 'response', status: scanner.status, header: (name) => headerValue(scanner, read.bytes, name) };
    // A bad answer is no answer while another attempt may bring a better one.
    if (x.lastReply === undefined && x.retry?.shouldRetry(end) === true) {
      x.cluster?.report(this.#host, scanner.status, x.worker.wheel.recent);
      this.drop();
      return -1;
    }
    this.#adopt();
    return x.onResponse(stream, read);
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    this.owner.onResponseBody(bytes, start, end);
  }
  onResponseLast(bytes: Uint8Array, start: number, end: number, payloadBytes: number): void {
    this.owner.onResponseLast(bytes, start, end, payloadBytes);
  }
  onResponseEnd(payloadBytes: number, trailers: Uint8Array | undefined): void {
    this.owner.onResponseEnd(payloadBytes, trailers);
  }
  onTunnelData(bytes: Uint8Array, start: number, end: number): void {
    this.owner.onTunnelData(bytes, start, end);
  }
  onTunnelEnd(): void {
    this.owner.onTunnelEnd();
  }
  onUpstreamSlow(): void {
    // The request was written whole.
  }
  onUpstreamDrain(): void {
    // As above.
  }

  onUpstreamLost(stream: UpstreamStream, cause: Parameters<UpstreamUser['onUpstreamLost']>[1], reason: string): void {
    const x = this.owner;
    if (this.#adopted) x.onUpstreamLost(stream, cause, reason);
    else if (!this.#over) {
      x.cluster?.report(this.#host, 'local', x.worker.wheel.recent);
      this.#leave();
      if (x.lastReply !== undefined && x.aside?.size === 0) x.downstream.reply(x, x.lastReply);
    }
  }

  /** The exchange's own attempt is given up; this one takes its place. */
  #adopt(): void {
    const x = this.owner;
    x.downstream.timers.stopTry();
    abandonAttempt(x, undefined);
    x.aside?.delete(this);
    this.#adopted = true;
    x.upstream = this.#stream;
    x.host = x.info.host = this.#host;
    x.info.upstreamRemote = this.#host.key;
    x.counted = true;
    x.phase = 'sent';
    x.lastReply = undefined;
  }

  #leave(): void {
    this.#over = true;
    this.owner.aside?.delete(this);
    this.#host.active--;
    if (this.owner.breaker !== undefined) this.owner.breaker.usage.requests--;
  }
}
