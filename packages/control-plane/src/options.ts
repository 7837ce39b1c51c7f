import type { MeshConfigSpec } from '@meltemi/api';
import type { Log } from '@meltemi/base';
import type { Route } from '@meltemi/http';
import type { BridgeNetwork } from '@meltemi/registry';
import type { ConfigReport } from './mesh/config-report.ts';

/** How a control plane is started. Port 0 takes a free one. */
export interface ControlPlaneOptions {
  /** `$STATE`: config/, ca/, telemetry/, registry/ are made in it. */
  readonly stateDir: string;
  /** Folders and files with configuration; watched, read-only to `apply`. */
  readonly configPaths: readonly string[];
  /** Address of the console and the configuration API. */
  readonly bind: string;
  readonly consolePort: number;
  readonly apiPort: number;
  readonly xdsPort: number;
  /** Serve xDS in plain text there too (proxyless gRPC; no secrets). Undefined: not at all. It has an address of its own: `bind` does not open it to others. */
  readonly plaintextXds?: { readonly host: string; readonly port: number } | undefined;
  /** Bridge for workloads in network namespaces; xDS is served on its address too. */
  readonly network?: BridgeNetwork | undefined;
  readonly adminToken: string;
  readonly trustDomain: string;
  readonly workloadTtlMs: number;
  /** Ranges of IP addresses that keys of issuers are never fetched from, besides link-local ones: `10.0.0.0/8`. */
  readonly jwksBlockedCidrs?: readonly string[];
  /** Access log of the proxies. */
  readonly accessLog: 'text' | 'json' | 'off';
  /** Settings of the mesh (`--mesh-config`); those of the ConfigMap istio in the root namespace win over them. */
  readonly meshConfig?: MeshConfigSpec | undefined;
  /** Share of requests whose trace is kept, 0..100. */
  readonly tracingSamplingPercent: number;
  /** Built console; undefined: its place is taken by a page that says how to build it. */
  readonly consoleDirectory?: string | undefined;
  /** Names besides localhost and addresses under which the HTTP servers may be called. */
  readonly hostNames?: readonly string[];
  /** Told what is wrong with the files of `configPaths`, at the start and after each change of it. */
  readonly onConfigReport?: (report: ConfigReport) => void;
  readonly version: string;
  readonly log: Log;
  /** Further routes of the console's port. */
  readonly extraRoutes?: readonly Route[];
}

/** A control plane that serves. */
export interface ControlPlane extends AsyncDisposable {
  readonly consoleUrl: string;
  readonly apiUrl: string;
  /** `host:port` of the mTLS port. */
  readonly xdsAddress: string;
  readonly plaintextXdsAddress: string | undefined;
  /** A URL that opens the console with the right to write, once, within ten minutes. */
  sessionUrl(): string;
  close(): Promise<void>;
}
