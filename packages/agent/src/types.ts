import type { Log, Random } from '@meltemi/base';

/** Who a workload is: names as Kubernetes has them. `labels` include `app` and `version` when they are known. */
export interface WorkloadIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The workload's own name, `reviews-v2`. */
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A port that the application listens on; `protocol` in Istio's words (`http`, `http2`, `grpc`, `tcp`, …). */
export interface WorkloadPort {
  readonly number: number;
  readonly protocol: string;
  readonly name?: string;
}

/** How traffic gets into the proxy: `netns` by namespace and nftables, `ports` by addresses that the application is told. */
export type InterceptionMode = 'netns' | 'ports';

/** What `POST /meltemi/v1/join` takes. */
export interface JoinRequest extends Omit<WorkloadIdentity, 'serviceAccount'> {
  /** Undefined: as the group says, or default. */
  readonly serviceAccount?: string;
  /** WorkloadGroup whose member the workload is. */
  readonly group?: string;
  readonly type: 'sidecar' | 'router';
  readonly ports: readonly WorkloadPort[];
  readonly interception: InterceptionMode;
}

/** What `POST /meltemi/v1/join` answers. The token is a secret: it is never logged. */
export interface JoinResult {
  /** Single use, good for 5 minutes, for exactly the account asked for. */
  readonly joinToken: string;
  /** Mesh-facing address of the workload (W of S7). */
  readonly address: string;
  /** Where the application listens (A of S7); the same as `address` with `netns`. */
  readonly appAddress: string;
  /** `host:port` of the control plane's mTLS port, as the workload reaches it. */
  readonly xdsAddress: string;
  /** Trusted roots, PEM, for the first connection. */
  readonly rootCertificate: string;
  readonly trustDomain: string;
  /** With `netns`: the bridge that the workload's namespace is tied to. */
  readonly network?: BridgeNetwork;
  /** Who the workload is, when configuration says more than it asked for. */
  readonly identity?: Pick<WorkloadIdentity, 'serviceAccount' | 'app' | 'version' | 'labels'>;
  /** Where the workload runs, when its group says it. */
  readonly locality?: NodeLocality;
  /** Ports of the application, when its group names them. */
  readonly ports?: readonly WorkloadPort[];
  /** How the proxy is started. */
  readonly proxy?: ProxyStart;
  /** How it is found out whether the application serves; without one, its ports are looked at. */
  readonly probe?: Probe;
}

/** How the mesh's configuration (MeshConfig, ProxyConfig) wants a proxy to be started. */
export interface ProxyStart {
  /** Threads; 0: one for each processor. */
  readonly concurrency?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** How long requests may run on when the workload ends. */
  readonly terminationDrainMs?: number;
  /** How long connections of a configuration that is gone may go on. */
  readonly drainMs?: number;
}

/** The probe of a WorkloadGroup, as Istio writes it; 0 is "not set". Exactly one of the last four is there. */
export interface Probe {
  readonly initialDelaySeconds?: number;
  readonly timeoutSeconds?: number;
  readonly periodSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number;
    readonly host?: string;
    readonly scheme?: string;
    readonly httpHeaders?: readonly { readonly name: string; readonly value?: string }[];
  };
  readonly tcpSocket?: { readonly host?: string; readonly port: number };
  readonly exec?: { readonly command: readonly string[] };
  readonly grpc?: { readonly port?: number; readonly service?: string };
}

/** A bridge on this machine: `mlt-<pid of its owner>-br`, its own address, and the width of its subnet. */
export interface BridgeNetwork {
  readonly bridge: string;
  readonly gateway: string;
  readonly prefixLength: number;
}

/** The data plane and how it is started. */
export type DataPlane =
  /** `command` starts our proxy; it gets its options by the environment variable `MELTEMI_PROXY_OPTIONS` (JSON of `ProxyOptions`) and ends by itself when its stdin closes. */
  | { readonly t: 'embedded'; readonly command: readonly string[] }
  /** `binary` overrides the search (MELTEMI_ENVOY, PATH, Python's `envoy` package); `version` is what was found. */
  | { readonly t: 'envoy'; readonly binary?: string; readonly version?: string; readonly concurrency?: number };

/** What the embedded proxy is told (environment variable `MELTEMI_PROXY_OPTIONS`, JSON). */
export interface ProxyOptions {
  /** Unix socket of the agent: delta ADS, SDS and telemetry. */
  readonly agentSocket: string;
  /** Address of the metrics (15090) port; the workload's own. */
  readonly address: string;
  /** Address of the admin (15000) port. */
  readonly adminAddress: string;
  /** This machine's address as the workload's own network namespace sees it; the admin port takes orders from there. */
  readonly machineAddress?: string;
  readonly adminPort: number;
  readonly metricsPort: number;
  readonly node: XdsNode;
  /** How long requests may run on after SIGTERM. */
  readonly drainMs: number;
  /** Traffic threads besides the main one; 0: traffic runs on that. */
  readonly workers: number;
  /** How long connections of a configuration, or of a proxy, that is gone may go on. */
  readonly retireMs?: number;
  /** How often the proxy was exchanged before. */
  readonly epoch?: number;
  /** Who may listen on its ports beside it: a successor (`first`), a predecessor that is still there (`shared`) or gives it its sockets (`given`); absent: nobody. */
  readonly sharing?: 'first' | 'shared' | 'given';
}

/** Node of every xDS request (S6). */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality?: NodeLocality;
}

/** Where a workload runs, in the words of xDS. */
export interface NodeLocality {
  readonly region: string;
  readonly zone?: string;
  readonly sub_zone?: string;
}

/** The application that `run` wraps. */
export interface ApplicationOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's own ids, given back to the application when the agent runs as root in a namespace. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Ports of the agent and its proxy; all on the workload's address. Only tests change them. */
export interface AgentPorts {
  readonly admin: number;
  readonly metrics: number;
  readonly health: number;
  readonly proxyMetrics: number;
  readonly dns: number;
}

/** Istio's port numbers. */
export const ISTIO_PORTS: AgentPorts = { admin: 15000, metrics: 15020, health: 15021, proxyMetrics: 15090, dns: 15053 };

/** Everything an agent needs once the join call was answered; plain data, so that it can go to the agent's process in a namespace. */
export interface AgentConfig {
  readonly type: 'sidecar' | 'router';
  readonly identity: WorkloadIdentity;
  readonly appPorts: readonly WorkloadPort[];
  readonly interception: InterceptionMode | 'none';
  readonly join: JoinResult;
  readonly dataPlane: DataPlane;
  readonly application?: ApplicationOptions;
  readonly ports: AgentPorts;
  /** Folder of the Unix socket (created with mode 0700, removed at the end); a new temporary one otherwise. */
  readonly runDirectory?: string;
  /** Where `/metrics` of the application is read from, if it has one; `http://<appAddress>:<first http port>/metrics` otherwise. */
  readonly applicationMetricsUrl?: string;
  /** Path on the application's first HTTP port that tells whether it is ready; without one, listening on all ports is enough. */
  readonly readyPath?: string;
  /** `nameserver` lines for lookups that are not the mesh's; the host's resolv.conf otherwise. */
  readonly nameservers?: readonly string[];
  /** Where a gateway's own listeners bind; `0.0.0.0` otherwise. */
  readonly bindAddress?: string;
  /** How long running requests may take when the workload is stopped. */
  readonly drainMs: number;
}

/** What happens to a workload, told as it happens; plain data. */
export type WorkloadEvent =
  | { readonly t: 'interception'; readonly mode: InterceptionMode; readonly reason: string; readonly limits: readonly string[] }
  | { readonly t: 'joined'; readonly address: string; readonly appAddress: string }
  | { readonly t: 'certificate'; readonly serial: string; readonly notAfterMs: number; readonly spiffeId: string }
  | { readonly t: 'control-plane'; readonly state: 'connected' | 'away'; readonly reason?: string }
  | { readonly t: 'proxy'; readonly state: 'starting' | 'ready' | 'exited'; readonly pid?: number; readonly reason?: string }
  | { readonly t: 'application'; readonly state: 'started' | 'exited'; readonly pid?: number; readonly code?: number; readonly signal?: string }
  /** `healthy`: the application answers at its ports and the control plane was told, so traffic may come. */
  | { readonly t: 'health'; readonly state: 'healthy' }
  | { readonly t: 'health'; readonly state: 'unhealthy'; readonly reason: string }
  | { readonly t: 'line'; readonly source: 'stdout' | 'stderr' | 'proxy'; readonly text: string; readonly timeMs: number }
  | { readonly t: 'rejected'; readonly typeUrl: string; readonly message: string }
  | { readonly t: 'warning'; readonly message: string };

/** Options of `runWorkload`: the engine of `meltemi run` and `meltemi proxy`. */
export interface WorkloadOptions {
  readonly type: 'sidecar' | 'router';
  /** As it asks to join; its group may say otherwise. */
  readonly identity: WorkloadIdentity;
  /** WorkloadGroup that it joins as a member of; its account is then the group's. */
  readonly group?: string;
  readonly appPorts: readonly WorkloadPort[];
  readonly interception: 'auto' | InterceptionMode;
  /** Either the control plane's HTTP address with the admin token, or the answer of a join call made elsewhere. */
  readonly controlPlane:
    | { readonly t: 'server'; readonly url: string; readonly token: string }
    | { readonly t: 'joined'; readonly result: JoinResult };
  readonly dataPlane: DataPlane;
  readonly application?: Omit<ApplicationOptions, 'uid' | 'gid'>;
  /** Starts `runAgentProcess()` in a process of its own; needed by `netns` only. */
  readonly agentCommand?: readonly string[];
  readonly ports?: Partial<AgentPorts>;
  readonly runDirectory?: string;
  readonly applicationMetricsUrl?: string;
  readonly readyPath?: string;
  readonly bindAddress?: string;
  /** How long requests may run on when it stops, where the mesh does not say. Default 2 000. */
  readonly drainMs?: number;
  readonly onEvent?: (event: WorkloadEvent) => void;
  readonly log?: Log;
  readonly random?: Random;
}

/** A workload that runs. */
export interface RunningWorkload {
  readonly address: string;
  readonly appAddress: string;
  readonly interception: InterceptionMode;
  /**
   * Resolves when the proxy serves its first configuration and the application, if one was started here, answers at its ports and is an
   * endpoint. Rejects when it ends before (`process/ended`).
   */
  readonly ready: Promise<void>;
  /** Resolves when everything has ended, with the application's exit code (128 + number for a signal), 0 without an application. */
  readonly exited: Promise<number>;
  /** Passes a signal on to the application; a terminating one with no application stops the workload. */
  signal(name: NodeJS.Signals): void;
  /** Drains the proxy, ends application and proxy (after `limitMs` by force), removes what interception made. Idempotent. */
  stop(limitMs?: number): Promise<void>;
}
