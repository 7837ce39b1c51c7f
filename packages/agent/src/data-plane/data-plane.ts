import type { MethodHandler } from '@meltemi/grpc';
import type { Handover } from '../process/proxy-supervisor.ts';

/** A kind of proxy as the agent runs it. */
export interface DataPlaneDriver {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Open: the proxy ends when its stdin closes. */
  readonly stdin: 'open' | 'none';
  /** It takes and gives sockets over IPC. */
  readonly messages?: boolean;
  /** Whether it serves its first configuration. */
  probe(): Promise<boolean>;
  /** Absent: it drains by itself on SIGTERM. */
  readonly drain?: (timeoutMs: number) => Promise<void>;
  /** How another one takes over from it; absent: it cannot. */
  readonly handover?: Handover | undefined;
  /** Its metrics, Prometheus text. */
  metrics(): Promise<string>;
  /** Its `/config_dump` with endpoints, in Envoy's shape, JSON text. */
  configDump(): Promise<string>;
  /** Resources of a type have changed in the relay. */
  onUpdate?(typeUrl: string): void;
  /** Further gRPC methods on the agent's socket, for what this proxy sends. */
  readonly methods: Readonly<Record<string, MethodHandler>>;
  close(): Promise<void>;
}
