import type { Accepted, Connection, Worker } from '../core/worker.ts';
import { DownstreamConnection } from '../http/downstream-connection.ts';
import type { HttpPlan } from '../http/http-plan.ts';
import { H2_PROTOCOLS } from '../pool/dial-target.ts';
import type { TransportHandler } from '../types.ts';
import { Http2ServerConnection } from './server-connection.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Takes an accepted connection of a connection manager over: by its codec, by what TLS (ALPN) settled on, else by the first bytes. */
export function openHttp(worker: Worker, plan: HttpPlan, accepted: Accepted): Connection {
  const { codec } = plan.config;
  const { tls } = accepted.connection;
  if (codec === 'http1' || (codec === 'auto' && tls !== undefined && tls.alpn !== '' && !H2_PROTOCOLS.has(tls.alpn)))
    return new DownstreamConnection(worker, plan, accepted);
  if (codec === 'http2' || (tls !== undefined && H2_PROTOCOLS.has(tls.alpn))) return new Http2ServerConnection(worker, plan, accepted);
  return new Undecided(worker, plan, accepted);
}

/** A connection that has said nothing yet: with the preface of HTTP/2 it is that (RFC 9113 section 3.3), with anything else HTTP/1.1. */
class Undecided implements Connection {
  readonly chain: Accepted['chain'];
  readonly #worker: Worker;
  readonly #plan: HttpPlan;
  readonly #accepted: Accepted;
  /** HTTP/1.1 from the beginning, as most are: its time-outs run, and bytes go to it as soon as they cannot be the preface. */
  #to: Connection & TransportHandler;
  #decided = false;
  #matched = 0;

  constructor(worker: Worker, plan: HttpPlan, accepted: Accepted) {
    this.#worker = worker;
    this.#plan = plan;
    this.#accepted = accepted;
    this.chain = accepted.chain;
    this.#to = new DownstreamConnection(worker, plan, accepted);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.#decided) {
      this.#to.onData(bytes, start, end);
      return;
    }
    const before = this.#matched;
    let at = start;
    while (at < end && this.#matched < PREFACE.length && bytes[at] === PREFACE[this.#matched]) {
      at++;
      this.#matched++;
    }
    if (this.#matched === PREFACE.length) this.#becomeHttp2();
    else if (at === end) return;
    this.#decided = true;
    if (before > 0) this.#to.onData(PREFACE, 0, before);
    this.#to.onData(bytes, start, end);
  }

  #becomeHttp2(): void {
    const http1 = this.#to as DownstreamConnection;
    http1.handOver();
    this.#to = new Http2ServerConnection(this.#worker, this.#plan, this.#accepted);
  }

  onEnd(): void {
    this.#to.onEnd();
  }

  onDrain(): void {
    this.#to.onDrain();
  }

  onClose(error?: string): void {
    this.#to.onClose(error);
  }

  retire(): void {
    this.#to.retire();
  }

  drain(): void {
    this.#to.drain();
  }

  expire(): void {
    this.#to.expire();
  }

  destroy(): void {
    this.#to.destroy();
  }
}
