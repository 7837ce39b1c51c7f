import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { decodeMeshConfig, durationMs, formatPath, type MeshConfigSpec } from '@meltemi/api';
import { formatProblem, MeshError } from '@meltemi/base';
import { startControlPlane, type ConfigReport, type ControlPlane, type ControlPlaneOptions } from '@meltemi/control-plane';
import { isLoopback } from '@meltemi/http';
import type { Output } from '../output/output.ts';
import { resource } from '../resources.ts';
import { ensureToken, registerInstance, type Instance } from '../state/instances.ts';
import { defaultStateDir, makePrivateDir } from '../state/state-dir.ts';
import { VERSION } from '../version.ts';
import { readRanges } from './address-ranges.ts';
import { stopWithParent, tellParent } from './child.ts';
import { createLog } from './log.ts';

/** What `control-plane` was asked for. */
export interface ControlPlaneArguments {
  readonly configDirs: readonly string[];
  readonly stateDir: string | undefined;
  readonly bind: string;
  readonly consolePort: number;
  readonly apiPort: number;
  readonly xdsPort: number;
  readonly plaintextXds: ControlPlaneOptions['plaintextXds'];
  readonly network: ControlPlaneOptions['network'];
  readonly certTtl: string;
  readonly trustDomain: string;
  /** File with a MeshConfig. */
  readonly meshConfig: string | undefined;
  readonly jwksBlockedCidrs: readonly string[];
  readonly accessLog: string;
  readonly tracingSampling: number;
}

const SHORTEST_TTL_MS = 10_000;
/** Its workloads have joined: what was compiled is written now, and not when somebody waits for the end. */
const CALM_AFTER_MS = 10_000;

/** Runs a control plane until it is told to stop. Resolves with the exit code. */
export async function runControlPlane(args: ControlPlaneArguments, out: Output): Promise<number> {
  const stateDir = makePrivateDir(resolve(args.stateDir ?? defaultStateDir()));
  const { token, file: tokenFile } = ensureToken(stateDir);
  const controlPlane = await startControlPlane({
    stateDir,
    configPaths: args.configDirs.map((path) => resolve(path)),
    bind: args.bind,
    consolePort: args.consolePort,
    apiPort: args.apiPort,
    xdsPort: args.xdsPort,
    plaintextXds: args.plaintextXds,
    network: args.network,
    adminToken: token,
    trustDomain: args.trustDomain,
    meshConfig: readMeshConfig(args.meshConfig, args.trustDomain, out),
    jwksBlockedCidrs: readRanges(args.jwksBlockedCidrs, '--jwks-blocked-cidrs'),
    workloadTtlMs: ttlOf(args.certTtl),
    accessLog: args.accessLog === 'json' || args.accessLog === 'off' ? args.accessLog : 'text',
    tracingSamplingPercent: percentOf(args.tracingSampling),
    ...(args.configDirs.length === 0 ? {} : { onConfigReport: (report) => printReport(report, out) }),
    consoleDirectory: resource('console'),
    version: VERSION,
    log: createLog('control-plane', out),
  });
  const instance: Instance = {
    format: 1,
    pid: process.pid,
    startedAt: Date.now(),
    controlPlane: controlPlane.apiUrl,
    console: controlPlane.consoleUrl,
    tokenFile,
  };
  // Found by the CLI in the default place too, when the state is kept elsewhere.
  const unregister = [...new Set([stateDir, defaultStateDir()])].map((dir) => registerInstance(dir, instance));
  const stopped = new Promise<number>((done) => {
    stopWithParent(async () => {
      for (const remove of unregister) remove();
      await controlPlane.close();
      done(0);
    });
  });
  tellParent({
    t: 'ready',
    details: {
      controlPlane: controlPlane.apiUrl,
      console: controlPlane.consoleUrl,
      sessionUrl: controlPlane.sessionUrl(),
      xds: controlPlane.xdsAddress,
      plaintextXds: controlPlane.plaintextXdsAddress ?? null,
      tokenFile,
    },
  });
  if (!isLoopback(args.bind)) warnOfPlainText(args.bind, controlPlane, out);
  if (process.send === undefined) announce(controlPlane, tokenFile, out);
  setTimeout(flushCompileCache, CALM_AFTER_MS).unref();
  return stopped;
}

/** What the watcher of the folders found, with file, line, reason and fix. */
function printReport({ fresh, remaining }: ConfigReport, out: Output): void {
  for (const problem of fresh) out.note(formatProblem(problem));
  if (remaining === 0) out.note('configuration: no problem is left in the watched files');
  else if (fresh.length === 0) out.note(`configuration: ${remaining} ${remaining === 1 ? 'problem is' : 'problems are'} left in the watched files`);
}

function announce(controlPlane: ControlPlane, tokenFile: string, out: Output): void {
  out.line(`console           ${controlPlane.sessionUrl()}   (opens once; reads work without the token)`);
  out.line(`configuration     ${controlPlane.apiUrl}   (writes need the token in ${join(tokenFile)})`);
  out.line(
    `xDS               ${controlPlane.xdsAddress} (mutual TLS)${controlPlane.plaintextXdsAddress === undefined ? '' : `, ${controlPlane.plaintextXdsAddress} (plain text)`}`,
  );
  out.line('ready');
}

/** Tokens and cookies are what these ports are guarded by. */
function warnOfPlainText(bind: string, controlPlane: ControlPlane, out: Output): void {
  const [apiPort, consolePort] = [controlPlane.apiUrl, controlPlane.consoleUrl].map((url) => new URL(url).port);
  out.note(
    `warning: the configuration API (port ${apiPort}) and the console (port ${consolePort}) have no TLS, and --bind ${bind} opens them to the network: ` +
      'tokens and session cookies cross it in clear text. Put a proxy that terminates TLS before them, or stay with --bind 127.0.0.1 and use an SSH tunnel ' +
      `(ssh -L ${consolePort}:127.0.0.1:${consolePort} HOST).`,
  );
}

/** A file that is not in force as a whole is not begun with. */
function readMeshConfig(file: string | undefined, trustDomain: string, out: Output): MeshConfigSpec | undefined {
  if (file === undefined) return undefined;
  const { settings, findings } = decodeMeshConfig(readText(file));
  const told = findings.map(
    ({ path, message, fix }) => `${file}: ${path.length === 0 ? '' : `${formatPath(path)}: `}${message}${fix === undefined ? '' : ` ${fix}`}`,
  );
  if (settings === undefined) throw new MeshError('cli/mesh-config', told.join('\n'));
  for (const line of told) out.note(`warning: ${line}`);
  if (settings.trustDomain !== undefined && settings.trustDomain !== trustDomain)
    throw new MeshError(
      'cli/mesh-config',
      `${file}: trustDomain is "${settings.trustDomain}", but that of the authority is "${trustDomain}"; start with --trust-domain ${settings.trustDomain}`,
    );
  return settings;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new MeshError('cli/mesh-config', `--mesh-config ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function ttlOf(value: string): number {
  const ms = durationMs(value);
  if (ms === undefined || ms < SHORTEST_TTL_MS)
    throw new MeshError('cli/usage', `--cert-ttl "${value}": expected a duration of at least 10s, such as 20s, 15m or 24h`);
  return ms;
}

function percentOf(value: number): number {
  if (!(value >= 0 && value <= 100)) throw new MeshError('cli/usage', `--tracing-sampling ${value}: expected a share from 0 to 100`);
  return value;
}
