import { compileFormat, compileText, type HealthProbe, type StatusRange } from '@meltemi/runtime';
import { HEADER } from '@meltemi/wire';
import { clean } from '../http/headers.ts';
import { headerValue } from '../http/request-view.ts';
import type { HeadRead, UpstreamStream, UpstreamUser } from '../http/stream.ts';
import { UpstreamConnection, type ConnectionOwner } from '../http/upstream-connection.ts';
import type { Finding } from './check-state.ts';
import type { Probe, ProbeTarget } from './probe.ts';
import { isAnswered } from './tcp-probe.ts';

type HttpProbe = HealthProbe & { t: 'http' };

/** Asks for a path over a connection of its own, kept from check to check when that is wanted. */
export function createHttpProbe(target: ProbeTarget, probe: HttpProbe): Probe {
  const head = Buffer.from(requestHead(target, probe), 'latin1');
  let check: HttpCheck | undefined;
  return {
    start(done) {
      check ??= new HttpCheck(target, probe);
      check.start(head, (finding) => {
        if (!target.config.reuseConnection || finding === 'network') {
          check?.close();
          check = undefined;
        }
        done(finding);
      });
    },
    stop() {
      check?.close();
      check = undefined;
    },
  };
}

/** Values may hold formatters; of a request that nobody sent there is nothing to tell. */
const NO_SOURCE = { format: () => undefined };

function requestHead({ cluster, host }: ProbeTarget, probe: HttpProbe): string {
  const named = host.endpoint.check.hostname;
  const authority = named !== '' ? named : probe.host !== '' ? probe.host : cluster.config.name;
  const lines = new Map<string, string>([
    ['host', authority],
    ['user-agent', 'Envoy/HC'],
  ]);
  for (const { name, value } of probe.add) lines.set(name === ':authority' ? 'host' : name, compileFormat(value, '').render(NO_SOURCE));
  for (const name of probe.remove) lines.delete(name);
  const text = [...lines].map(([name, value]) => `${name}: ${clean(value)}\r\n`).join('');
  return `${probe.method} ${clean(probe.path)} HTTP/1.1\r\n${text}\r\n`;
}

class HttpCheck implements UpstreamUser, ConnectionOwner {
  readonly isHead: boolean;
  readonly scheme: 'http' | 'https';
  readonly upgrade = '';
  readonly #target: ProbeTarget;
  readonly #probe: HttpProbe;
  #connection: UpstreamConnection | undefined = undefined;
  #ready = false;
  #head: Buffer = Buffer.alloc(0);
  #done: ((finding: Finding) => void) | undefined = undefined;
  #finding: Finding = 'network';
  #body = '';

  constructor(target: ProbeTarget, probe: HttpProbe) {
    this.#target = target;
    this.#probe = probe;
    this.isHead = probe.method === 'HEAD';
    this.scheme = target.host.transport.t === 'tls' ? 'https' : 'http';
  }

  start(head: Buffer, done: (finding: Finding) => void): void {
    this.#head = head;
    this.#done = done;
    this.#body = '';
    const connection = this.#connection;
    if (connection !== undefined && this.#ready) this.#send(connection);
    else this.#connect();
  }

  close(): void {
    this.#done = undefined;
    this.#drop();
  }

  #connect(): void {
    const { worker, cluster, host, dial } = this.#target;
    this.#connection = new UpstreamConnection(worker, this, (handler) => worker.dialer.dial(dial(), handler), {
      cluster,
      breaker: cluster.breakers.default,
      host,
      epoch: 0,
    });
  }

  #send(connection: UpstreamConnection): void {
    this.#ready = false;
    connection.begin(this);
    connection.writeHead(this.#head, this.#head.length, 'none');
  }

  // ------------------------------------------------------------------------------------------------ as owner of the connection

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
    if (!connection.established) this.#finish('network');
  }

  // ------------------------------------------------------------------------------------------------ as its user

  onResponse(stream: UpstreamStream, read: HeadRead): number {
    const { responseScanner: scanner } = this.#target.worker;
    this.#finding = judge(this.#probe, {
      status: scanner.status,
      service: headerValue(scanner, read.bytes, 'x-envoy-upstream-healthchecked-cluster') ?? '',
      degraded: scanner.known[HEADER['x-envoy-degraded']] !== 0,
    });
    stream.takePayload();
    return read.after;
  }

  onResponseBody(bytes: Uint8Array, start: number, end: number): void {
    const room = this.#probe.maxBodyBytes - this.#body.length;
    if (this.#probe.receive.length === 0 || room <= 0) return;
    this.#body += Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, room)).toString('latin1');
  }

  onResponseLast(bytes: Uint8Array, start: number, end: number): void {
    this.onResponseBody(bytes, start, end);
    this.onResponseEnd();
  }

  onResponseEnd(): void {
    const good = this.#finding === 'healthy' || this.#finding === 'degraded';
    this.#finish(good && !isAnswered(this.#body, this.#probe.receive) ? 'unhealthy' : this.#finding);
  }

  onUpstreamLost(): void {
    this.#ready = false;
    this.#finish('network');
  }

  onTunnelData(): void {
    // No tunnel is asked for.
  }
  onTunnelEnd(): void {
    // As above.
  }
  onUpstreamSlow(): void {
    // A head is all that is sent.
  }
  onUpstreamDrain(): void {
    // As above.
  }

  #finish(finding: Finding): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(finding);
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#ready = false;
    connection?.destroy();
  }
}

interface Answer {
  readonly status: number;
  /** Who answered, by its own word. */
  readonly service: string;
  readonly degraded: boolean;
}

function judge({ expected, retriable, serviceName }: HttpProbe, { status, service, degraded }: Answer): Finding {
  if (!isWithin(status, expected)) return isWithin(status, retriable) ? 'retriable' : 'unhealthy';
  if (serviceName !== undefined && !compileText(serviceName)(service)) return 'unhealthy';
  return degraded ? 'degraded' : 'healthy';
}

function isWithin(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}
