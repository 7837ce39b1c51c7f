import { createDeadline, type Deadline, type TimerWheel } from '../core/timer-wheel.ts';
import { lifeExpired, perTryExpired, routeExpired, streamIdleExpired } from './end-exchange.ts';
import type { Exchange } from './exchange.ts';
import type { HttpPlan } from './http-plan.ts';

/** The time-outs of one client connection or stream. They live as long as it does; a request that sets and clears them stores numbers. */
export class RequestTimers {
  readonly #wheel: TimerWheel;
  readonly #config: HttpPlan['config'];
  readonly #phase: Deadline;
  readonly #route: Deadline;
  /** Per-try time-out; or back-off and fault delay, which run when there is no try. */
  readonly #try: Deadline;
  readonly #stream: Deadline;
  #duration: Deadline | undefined = undefined;
  #afterWait: (() => void) | undefined = undefined;
  readonly #broken: () => void;
  /** The present request. */
  #x: Exchange | undefined = undefined;

  /** `phaseExpired`: a time of the connection's own state is up. `broken` ends the connection or stream: what a time-out should have done failed. */
  constructor(wheel: TimerWheel, config: HttpPlan['config'], phaseExpired: () => void, broken: () => void) {
    this.#broken = broken;
    this.#wheel = wheel;
    this.#config = config;
    this.#phase = createDeadline(phaseExpired, broken);
    this.#route = createDeadline(() => this.#expired(routeExpired), broken);
    this.#try = createDeadline(() => this.#tryExpired(), broken);
    this.#stream = createDeadline(() => this.#expired(streamIdleExpired), broken);
  }

  /** Limits the present state of the connection; 0 = no limit. */
  startPhase(now: number, ms: number): void {
    if (ms > 0) this.#wheel.set(this.#phase, now, ms);
    else this.#wheel.clear(this.#phase);
  }

  clearPhase(): void {
    this.#wheel.clear(this.#phase);
  }

  /** A request has begun. */
  startStream(x: Exchange, now: number): void {
    this.#x = x;
    const { streamIdleTimeoutMs, maxStreamDurationMs, requestTimeoutMs } = this.#config;
    if (streamIdleTimeoutMs > 0) this.#wheel.set(this.#stream, now, streamIdleTimeoutMs);
    if (!x.requestComplete) this.startPhase(now, requestTimeoutMs);
    if (maxStreamDurationMs > 0) this.#startDuration(x, now, maxStreamDurationMs);
  }

  /** Bytes have moved: the stream is not idle. */
  touch(x: Exchange): void {
    const idleMs = x.forward?.idleTimeoutMs ?? this.#config.streamIdleTimeoutMs;
    if (idleMs > 0) this.#wheel.set(this.#stream, this.#wheel.recent, idleMs);
    else this.#wheel.clear(this.#stream);
  }

  /** The route limits the stream's life, counted from its beginning, in place of what the connection manager says; 0 = no limit. */
  limitLife(x: Exchange, ms: number): void {
    if (ms > 0) this.#startDuration(x, x.info.startMs, ms);
    else if (this.#duration !== undefined) this.#wheel.clear(this.#duration);
  }

  /** The route's time-out counts from the end of the request. */
  startRoute(x: Exchange): void {
    const now = this.#wheel.recent;
    if (x.info.requestEndMs === 0) x.info.requestEndMs = now;
    if (x.timeoutMs > 0) this.#wheel.set(this.#route, now, x.timeoutMs);
    if (x.forward?.idleTimeoutMs !== undefined) this.touch(x);
  }

  startTry(x: Exchange): void {
    if (x.perTryMs > 0) this.#wheel.set(this.#try, this.#wheel.recent, x.perTryMs);
  }

  /** Neither a try runs nor is one waited for. */
  stopTry(): void {
    this.#afterWait = undefined;
    this.#wheel.clear(this.#try);
  }

  /** Goes on after a while, if the exchange still lives then. */
  wait(x: Exchange, ms: number, next: () => void): void {
    this.stopTry();
    if (ms <= 0) {
      next();
      return;
    }
    this.#afterWait = () => {
      if (x.phase !== 'done') next();
    };
    this.#wheel.set(this.#try, this.#wheel.now(), ms);
  }

  /** The exchange has become a tunnel: only its idle time and duration count. */
  stopRequest(): void {
    this.#wheel.clear(this.#route);
    this.#wheel.clear(this.#try);
  }

  /** The exchange has ended. */
  stopStream(): void {
    this.#x = undefined;
    this.#afterWait = undefined;
    this.stopRequest();
    this.#wheel.clear(this.#stream);
    if (this.#duration !== undefined) this.#wheel.clear(this.#duration);
  }

  /** The connection has gone. */
  remove(): void {
    for (const deadline of [this.#phase, this.#route, this.#try, this.#stream, this.#duration])
      if (deadline !== undefined) this.#wheel.remove(deadline);
  }

  #startDuration(x: Exchange, now: number, ms: number): void {
    this.#duration ??= createDeadline(() => this.#expired(lifeExpired), this.#broken);
    if (x.phase !== 'done') this.#wheel.set(this.#duration, now, ms);
  }

  #tryExpired(): void {
    const next = this.#afterWait;
    this.#afterWait = undefined;
    if (next === undefined) this.#expired(perTryExpired);
    else next();
  }

  #expired(act: (x: Exchange) => void): void {
    if (this.#x !== undefined) act(this.#x);
  }
}
