import type { UpstreamUser } from '../http/stream.ts';
import { UpstreamConnection, type ConnectionOwner } from '../http/upstream-connection.ts';
import { Http2ClientConnection, type H2ConnectionOwner } from '../http2/client-connection.ts';
import { Dialing } from '../pool/dialing.ts';
import { httpTarget } from '../pool/dial-target.ts';
import type { ProbeTarget } from './probe.ts';

/** A request as a whole; `body` undefined = none. */
export interface CheckRequest {
  readonly head: Buffer;
  readonly body: Buffer | undefined;
}

/** A connection for the checks of one host. It asks one question after the other. */
export interface CheckLine {
  /** `failed`: there is no connection. What becomes of the request the user hears itself. */
  ask(user: UpstreamUser, request: CheckRequest, failed: () => void): void;
  close(): void;
}

interface Question {
  readonly user: UpstreamUser;
  readonly request: CheckRequest;
  readonly failed: () => void;
}

/** HTTP/1.1. */
export class Http1Line implements CheckLine, ConnectionOwner {
  readonly #target: ProbeTarget;
  #connection: UpstreamConnection | undefined = undefined;
  #ready = false;
  #question: Question | undefined = undefined;

  constructor(target: ProbeTarget) {
    this.#target = target;
  }

  ask(user: UpstreamUser, request: CheckRequest, failed: () => void): void {
    this.#question = { user, request, failed };
    if (this.#connection !== undefined && this.#ready) {
      this.#send(this.#connection);
      return;
    }
    const { worker, cluster, host, dial } = this.#target;
    this.#connection?.destroy();
    this.#connection = new UpstreamConnection(worker, this, (handler) => worker.dialer.dial(httpTarget(dial(), 'http1'), handler), {
      cluster,
      breaker: cluster.breakers.default,
      host,
      epoch: 0,
    });
  }

  close(): void {
    const connection = this.#connection;
    this.#question = undefined;
    this.#connection = undefined;
    this.#ready = false;
    connection?.destroy();
  }

  #send(connection: UpstreamConnection): void {
    const question = this.#question;
    if (question === undefined) return;
    this.#ready = false;
    connection.begin(question.user);
    const { head, body } = question.request;
    const message = body === undefined ? head : Buffer.concat([head, body]);
    connection.writeHead(message, message.length, 'none');
  }

  connected(connection: UpstreamConnection): void {
    this.#send(connection);
  }

  released(connection: UpstreamConnection): void {
    this.#ready = true;
    connection.idle(0);
  }

  closed(connection: UpstreamConnection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#ready = false;
    if (!connection.established) this.#question?.failed();
  }
}

/** HTTP/2, for gRPC as well. */
export class Http2Line implements CheckLine, H2ConnectionOwner {
  readonly expectedStreams = 1;
  readonly #target: ProbeTarget;
  #connection: Http2ClientConnection | undefined = undefined;
  #question: Question | undefined = undefined;
  /** Which attempt to connect counts. */
  #round = 0;

  constructor(target: ProbeTarget) {
    this.#target = target;
  }

  ask(user: UpstreamUser, request: CheckRequest, failed: () => void): void {
    this.#question = { user, request, failed };
    if (this.#connection !== undefined && this.#connection.free > 0) this.#send(this.#connection);
    else this.#dial();
  }

  close(): void {
    const connection = this.#connection;
    this.#round++;
    this.#question = undefined;
    this.#connection = undefined;
    connection?.destroy();
  }

  #dial(): void {
    const { worker, cluster, host, dial, config } = this.#target;
    const round = ++this.#round;
    this.#connection?.destroy();
    new Dialing(
      worker,
      {
        dialed: (transport, info) => {
          if (round !== this.#round) return undefined;
          const connection = new Http2ClientConnection(
            worker,
            this,
            { transport, info },
            { cluster, breaker: cluster.breakers.default, host, epoch: 0 },
          );
          this.#connection = connection;
          this.#send(connection);
          return connection;
        },
        dialFailed: () => {
          if (round === this.#round) this.#question?.failed();
        },
      },
      httpTarget(dial(), 'http2'),
      config.timeoutMs,
    );
  }

  #send(connection: Http2ClientConnection): void {
    const question = this.#question;
    if (question === undefined) return;
    const { head, body } = question.request;
    const stream = connection.stream();
    stream.begin(question.user);
    stream.writeHead(head, head.length, body === undefined ? 'none' : 'raw');
    if (body !== undefined) stream.writeLast(body, 0, body.length);
  }

  room(): void {
    // One question at a time.
  }

  closed(connection: Http2ClientConnection): void {
    if (connection === this.#connection) this.#connection = undefined;
  }
}
