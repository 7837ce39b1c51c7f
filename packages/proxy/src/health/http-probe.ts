import { ProtoReader, ProtoWriter, WireType } from '@meltemi/base';
import { compileFormat, compileText, type HeaderMutation, type HealthProbe, type StatusRange } from '@meltemi/runtime';
import { clean } from '../http/headers.ts';
import { Http1Line, Http2Line, type CheckLine, type CheckRequest } from './check-line.ts';
import type { Finding } from './check-state.ts';
import { CheckUser, type CheckAnswer } from './check-user.ts';
import type { Probe, ProbeTarget } from './probe.ts';
import { isAnswered } from './tcp-probe.ts';

type HttpProbe = HealthProbe & { t: 'http' };
type GrpcProbe = HealthProbe & { t: 'grpc' };

/** Asks for a path, over a connection of its own. */
export function createHttpProbe(target: ProbeTarget, probe: HttpProbe): Probe {
  const { host, method, path, send, add, remove } = probe;
  const fixed = send === '' ? [] : [['content-length', String(send.length)] as const];
  const head = requestHead(target, { host, method, path, fixed, add, remove });
  return createProbe(target, {
    line: () => (probe.http2 ? new Http2Line(target) : new Http1Line(target)),
    request: { head, body: send === '' ? undefined : Buffer.from(send, 'latin1') },
    isHead: method === 'HEAD',
    isGrpc: false,
    headers: [CHECKED_CLUSTER, DEGRADED],
    maxBodyBytes: probe.receive.length === 0 ? 0 : probe.maxBodyBytes,
    judge: (answer) => judge(probe, answer),
  });
}

const CHECKED_CLUSTER = 'x-envoy-upstream-healthchecked-cluster';
const DEGRADED = 'x-envoy-degraded';

/** Asks the service `grpc.health.v1.Health` how the host is. */
export function createGrpcProbe(target: ProbeTarget, probe: GrpcProbe): Probe {
  const fixed: readonly (readonly [string, string])[] = [
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['grpc-timeout', `${Math.max(1, Math.floor(target.config.timeoutMs))}m`],
  ];
  const head = requestHead(target, {
    host: probe.authority,
    method: 'POST',
    path: '/grpc.health.v1.Health/Check',
    fixed,
    add: probe.add,
    remove: [],
  });
  return createProbe(target, {
    line: () => new Http2Line(target),
    request: { head, body: grpcMessage(probe.service) },
    isHead: false,
    isGrpc: true,
    headers: ['grpc-status', DEGRADED],
    maxBodyBytes: MAX_GRPC_BYTES,
    judge: judgeGrpc,
  });
}

const MAX_GRPC_BYTES = 4096;

interface Asking {
  readonly line: () => CheckLine;
  readonly request: CheckRequest;
  readonly isHead: boolean;
  readonly isGrpc: boolean;
  /** Those that the judge looks at. */
  readonly headers: readonly string[];
  readonly maxBodyBytes: number;
  judge(answer: CheckAnswer): Finding;
}

function createProbe(target: ProbeTarget, asking: Asking): Probe {
  let line: CheckLine | undefined;
  let round = 0;
  const close = (): void => {
    round++;
    line?.close();
    line = undefined;
  };
  return {
    start(done) {
      const own = ++round;
      const finish = (finding: Finding, status: number): void => {
        if (own !== round) return;
        // A connection that is not kept, or did not do, goes.
        if (!target.config.reuseConnection || finding === 'network') close();
        else round++;
        done(finding, status);
      };
      const of = { isHead: asking.isHead, tls: target.host.transport.t === 'tls', headers: asking.headers, maxBodyBytes: asking.maxBodyBytes };
      const user = new CheckUser(target.worker, of, (answer) => {
        if (answer === undefined) finish('network', 0);
        else finish(asking.judge(answer), asking.isGrpc ? 0 : answer.status);
      });
      line ??= asking.line();
      line.ask(user, asking.request, () => finish('network', 0));
    },
    stop: close,
  };
}

/** Values may hold formatters; of a request that nobody sent there is nothing to tell. */
const NO_SOURCE = { format: () => undefined };

interface HeadParts {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly fixed: readonly (readonly [name: string, value: string])[];
  readonly add: readonly HeaderMutation[];
  readonly remove: readonly string[];
}

function requestHead({ cluster, host }: ProbeTarget, parts: HeadParts): Buffer {
  const named = host.endpoint.check.hostname;
  const authority = named !== '' ? named : parts.host !== '' ? parts.host : cluster.config.name;
  const lines = new Map<string, string>([['host', authority], ['user-agent', 'Envoy/HC'], ...parts.fixed]);
  for (const { name, value } of parts.add) lines.set(name === ':authority' ? 'host' : name, compileFormat(value, '').render(NO_SOURCE));
  for (const name of parts.remove) lines.delete(name);
  const text = [...lines].map(([name, value]) => `${name}: ${clean(value)}\r\n`).join('');
  return Buffer.from(`${parts.method} ${clean(parts.path)} HTTP/1.1\r\n${text}\r\n`, 'latin1');
}

function judge({ expected, retriable, serviceName, receive }: HttpProbe, answer: CheckAnswer): Finding {
  const { status } = answer;
  if (!isWithin(status, expected)) return isWithin(status, retriable) ? 'retriable' : 'unhealthy';
  if (serviceName !== undefined && !compileText(serviceName)(answer.header(CHECKED_CLUSTER) ?? '')) return 'unhealthy';
  if (!isAnswered(answer.body.toString('latin1'), receive)) return 'unhealthy';
  return answer.header(DEGRADED) === undefined ? 'healthy' : 'degraded';
}

function isWithin(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(({ start, end }) => status >= start && status < end);
}

/** `HealthCheckRequest { service = 1 }`, in a frame of gRPC. */
function grpcMessage(service: string): Buffer {
  const writer = new ProtoWriter();
  if (service !== '') writer.tag(1, WireType.bytes).string(service);
  const message = writer.take();
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

const SERVING = 1;

function judgeGrpc(answer: CheckAnswer): Finding {
  if (answer.status !== 200 || answer.header('grpc-status') !== '0' || servingStatus(answer.body) !== SERVING) return 'unhealthy';
  return answer.header(DEGRADED) === undefined ? 'healthy' : 'degraded';
}

/** `HealthCheckResponse { status = 1 }`; -1 = nothing that can be read. */
function servingStatus(body: Buffer): number {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return -1;
  try {
    const reader = new ProtoReader(body, 5);
    let status = 0;
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 1 << 3) status = reader.uint32();
      else reader.skip(tag);
    }
    return status;
  } catch {
    return -1;
  }
}
