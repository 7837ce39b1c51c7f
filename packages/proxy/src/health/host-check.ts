import { countEvent, transportFor, type CompiledCluster, type HealthCheck, type Host } from '@meltemi/runtime';
import { createDeadline, type Deadline } from '../core/timer-wheel.ts';
import type { Worker } from '../core/worker.ts';
import type { DialTarget } from '../net/net-port.ts';
import { dialTarget } from '../pool/dial-target.ts';
import { CheckState, type Finding } from './check-state.ts';
import { writeEvents, type Found } from './events.ts';
import { createGrpcProbe, createHttpProbe } from './http-probe.ts';
import type { Probe, ProbeTarget } from './probe.ts';
import { createTcpProbe } from './tcp-probe.ts';

/** Hears what checks find. */
export interface CheckListener {
  /** The host's health is another one, or this was its first check. */
  onFinding(host: Host, health: Host['activeHealth'], changed: boolean): void;
}

/** The active checks of one host: probe, wait, probe. */
export class HostCheck {
  readonly host: Host;
  readonly config: HealthCheck;
  readonly #worker: Worker;
  readonly #cluster: () => CompiledCluster | undefined;
  readonly #listener: CheckListener;
  readonly #state: CheckState;
  readonly #probe: Probe;
  readonly #next: Deadline;
  readonly #timeout: Deadline;
  #running = false;
  #stopped = false;

  constructor(worker: Worker, of: { readonly host: Host; readonly cluster: CompiledCluster; readonly config: HealthCheck }, listener: CheckListener) {
    this.#worker = worker;
    this.host = of.host;
    this.config = of.config;
    this.#listener = listener;
    this.#cluster = () => worker.state.cluster(of.cluster.config.name);
    this.#state = new CheckState(of.config, of.host.activeHealth);
    let target: DialTarget | undefined;
    const dial = (): DialTarget => (target ??= checkTarget(worker, of.cluster, of));
    this.#probe = createProbe({ worker, cluster: of.cluster, host: of.host, config: of.config, dial });
    this.#next = createDeadline(() => this.#check());
    this.#timeout = createDeadline(() => this.#expired());
  }

  get checked(): boolean {
    return this.#state.checked;
  }

  start(): void {
    const { initialJitterMs } = this.config;
    if (initialJitterMs > 0) this.#worker.wheel.set(this.#next, this.#worker.wheel.now(), this.#worker.random() * initialJitterMs);
    else this.#check();
  }

  stop(): void {
    this.#stopped = true;
    this.#worker.wheel.remove(this.#next);
    this.#worker.wheel.remove(this.#timeout);
    this.#probe.stop();
  }

  /** The host's own answer to a request said that it wants no more. */
  expel(): void {
    const before = this.#state.health;
    if (before === 'expelled') return;
    this.#state.expel();
    this.#tell({ finding: 'passive', status: 0, before, after: 'expelled', first: false });
    this.#listener.onFinding(this.host, 'expelled', true);
  }

  #check(): void {
    if (this.#stopped || this.#running) return;
    this.#running = true;
    this.#worker.wheel.set(this.#timeout, this.#worker.wheel.now(), this.config.timeoutMs);
    this.#probe.start((finding, status) => this.#found(finding, status));
  }

  #expired(): void {
    this.#probe.stop();
    this.#found('network', 0);
  }

  #found(finding: Finding, status: number): void {
    if (!this.#running || this.#stopped) return;
    this.#running = false;
    const { wheel, random } = this.#worker;
    wheel.clear(this.#timeout);
    const cluster = this.#cluster();
    if (cluster !== undefined) countCheck(cluster, finding);
    const { health: before, checked } = this.#state;
    const step = this.#state.take(finding, cluster?.traffic.seen === true, random);
    wheel.set(this.#next, wheel.now(), step.delayMs);
    this.#tell({ finding, status, before, after: step.health, first: !checked });
    this.#listener.onFinding(this.host, step.health, step.changed);
  }

  #tell(found: Found): void {
    if (this.config.eventLogs.length > 0) writeEvents(this.#worker, this, found);
  }
}

function countCheck({ counts }: CompiledCluster, finding: Finding): void {
  countEvent(counts, 'health_check.attempt');
  countEvent(counts, finding === 'healthy' || finding === 'degraded' ? 'health_check.success' : 'health_check.failure');
  if (finding === 'network') countEvent(counts, 'health_check.network_failure');
}

function createProbe(target: ProbeTarget): Probe {
  const { probe } = target.config;
  if (probe.t === 'tcp') return createTcpProbe(target, probe);
  return probe.t === 'grpc' ? createGrpcProbe(target, probe) : createHttpProbe(target, probe);
}

/** Where checks look: the endpoint's own port or another, with the transport and the protocols that the checks ask for. */
function checkTarget(worker: Worker, cluster: CompiledCluster, { host, config }: { readonly host: Host; readonly config: HealthCheck }): DialTarget {
  const target = dialTarget(worker, cluster, host);
  const { check } = host.endpoint;
  const port = config.altPort || check.port;
  const own = target.address;
  const elsewhere = own.t === 'socket' && (port !== 0 || check.address !== '');
  const address = elsewhere ? { ...own, address: check.address === '' ? own.address : check.address, port: port === 0 ? own.port : port } : own;
  if (config.transportLabels === undefined && config.alpn.length === 0) return { ...target, address };
  const transport = config.transportLabels === undefined ? host.transport : transportFor(cluster.config, config.transportLabels);
  if (transport.t === 'raw') return { ...target, address, tls: undefined, serverName: '' };
  const alpnProtocols = config.alpn.length > 0 ? config.alpn : transport.tls.alpnProtocols;
  return { ...target, address, tls: worker.tls.client({ ...transport.tls, alpnProtocols }), serverName: transport.tls.sni };
}
