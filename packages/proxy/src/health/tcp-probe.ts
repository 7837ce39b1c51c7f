import type { HealthProbe } from '@meltemi/runtime';
import { writeProxyHeader } from '@meltemi/wire';
import type { DialHandler, DialTarget } from '../net/net-port.ts';
import type { Transport } from '../types.ts';
import type { Finding } from './check-state.ts';
import type { Probe, ProbeTarget } from './probe.ts';

/** So much of an answer is looked at. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Connects; sends and expects bytes, if any are given. */
export function createTcpProbe(target: ProbeTarget, { send, receive, proxyProtocol }: HealthProbe & { t: 'tcp' }): Probe {
  const { worker, config } = target;
  let connection: TcpCheck | undefined;
  const dialed = (): DialTarget => {
    const dial = target.dial();
    return proxyProtocol === undefined ? dial : { ...dial, preface: writeProxyHeader(proxyProtocol, undefined) };
  };
  return {
    start(done) {
      const finish = (finding: Finding): void => {
        // Nothing to read back: the connection itself was the answer, and a kept one would say nothing new.
        if (!config.reuseConnection || finding !== 'healthy' || receive.length === 0) {
          connection?.close();
          connection = undefined;
        }
        done(finding, 0);
      };
      if (connection?.open === true) connection.check(finish);
      else {
        connection = new TcpCheck(send, receive);
        connection.dial((handler) => worker.dialer.dial(dialed(), handler), finish);
      }
    },
    stop() {
      connection?.close();
      connection = undefined;
    },
  };
}

class TcpCheck implements DialHandler {
  readonly #send: Buffer;
  readonly #receive: readonly string[];
  #transport: Transport | undefined = undefined;
  #done: ((finding: Finding) => void) | undefined = undefined;
  #answer = '';
  open = false;

  constructor(send: string, receive: readonly string[]) {
    this.#send = Buffer.from(send, 'latin1');
    this.#receive = receive;
  }

  dial(dial: (handler: DialHandler) => Transport, done: (finding: Finding) => void): void {
    this.#done = done;
    this.#transport = dial(this);
  }

  check(done: (finding: Finding) => void): void {
    this.#done = done;
    this.#ask();
  }

  close(): void {
    this.#done = undefined;
    this.open = false;
    this.#transport?.destroy();
  }

  onConnect(): void {
    this.open = true;
    this.#ask();
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    if (this.#answer.length > MAX_ANSWER_BYTES) return;
    this.#answer += Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    if (this.#done !== undefined && isAnswered(this.#answer, this.#receive)) this.#finish('healthy');
  }

  onEnd(): void {
    this.#lost();
  }

  onDrain(): void {
    // So little is sent that nothing waits.
  }

  onClose(): void {
    this.#lost();
  }

  #ask(): void {
    this.#answer = '';
    if (this.#send.length > 0) this.#transport?.write(this.#send, 0, this.#send.length);
    if (this.#receive.length === 0) this.#finish('healthy');
  }

  #lost(): void {
    this.open = false;
    this.#finish('network');
  }

  #finish(finding: Finding): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(finding);
  }
}

/** Do the pieces occur in the answer, one after the other? */
export function isAnswered(answer: string, pieces: readonly string[]): boolean {
  let from = 0;
  for (const piece of pieces) {
    const at = answer.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}
