import { MeshError, silentLog } from '@meltemi/base';
import type { Agent } from './agent.ts';
import { chooseInterception, type InterceptionChoice } from './interception/choose.ts';
import { addBridgeAddress } from './interception/netns/bridge.ts';
import { removeLeftovers } from './interception/netns/leftovers.ts';
import { PORTS_LIMITS } from './interception/ports/limits.ts';
import { joinMesh } from './join-client.ts';
import { systemPlatform } from './platform.ts';
import {
  type AgentConfig,
  ISTIO_PORTS,
  type InterceptionMode,
  type JoinRequest,
  type JoinResult,
  type RunningWorkload,
  type WorkloadEvent,
  type WorkloadOptions,
} from './types.ts';

const DEFAULT_DRAIN_MS = 2000;
const NO_NETWORK = 'join/no-network';

/**
 * Brings one workload into the mesh: chooses the interception, joins, starts agent and proxy, then the application. Throws `join/…`,
 * `interception/…`, `http/…`; what fails after the join rejects `ready` and leaves nothing behind.
 */
export async function runWorkload(options: WorkloadOptions): Promise<RunningWorkload> {
  const onEvent = options.onEvent ?? ((): undefined => undefined);
  const { mode, join } = await enterMesh(options, onEvent);
  onEvent({ t: 'joined', address: join.address, appAddress: join.appAddress });
  const abort = new AbortController();
  const healthy = Promise.withResolvers<void>();
  const last = { exit: 'it was stopped' };
  const watch = (event: WorkloadEvent): void => {
    if (event.t === 'health' && event.state === 'healthy') healthy.resolve();
    if (event.t === 'application' && event.state === 'exited') last.exit = event.signal ?? `exit code ${event.code ?? 'unknown'}`;
    onEvent(event);
  };
  const started = start(options, mode, join, { onEvent: watch, signal: abort.signal });
  const exited = started.then(async (both) => {
    const code = await both.agent.exited;
    await both.undo();
    return code;
  });
  exited.catch(() => undefined);
  let pending: NodeJS.Signals | undefined;
  let agent: Agent | undefined;
  const ready = started.then(async (both) => {
    agent = both.agent;
    if (pending !== undefined) agent.signal(pending);
    if (options.application === undefined) return;
    const ended = agent.exited.then(() => {
      throw new MeshError('process/ended', `The application ended (${last.exit}) before it listened${portsText(options)}.`);
    });
    await Promise.race([healthy.promise, ended]);
  });
  ready.catch(() => undefined); // whoever waits for it is told
  return {
    address: join.address,
    appAddress: join.appAddress,
    interception: mode,
    ready,
    exited: exited.catch(() => 1),
    signal(name) {
      if (agent !== undefined) return agent.signal(name);
      pending = name;
      if (name === 'SIGTERM' || name === 'SIGINT') abort.abort();
    },
    async stop(limitMs) {
      abort.abort();
      await started.then(
        async (both) => {
          await both.agent.stop(limitMs);
          await exited.catch(() => undefined);
        },
        () => undefined,
      );
    },
  };
}

function portsText({ appPorts }: WorkloadOptions): string {
  return appPorts.length === 0 ? '' : ` on ${appPorts.map(({ number }) => number).join(', ')}`;
}

interface StartHooks {
  readonly onEvent: (event: WorkloadEvent) => void;
  readonly signal: AbortSignal;
}

/** Chooses and joins. Who leaves the choice to us takes the other way when the control plane cannot do ours. */
async function enterMesh(
  options: WorkloadOptions,
  onEvent: (event: WorkloadEvent) => void,
): Promise<{ readonly mode: InterceptionMode; readonly join: JoinResult }> {
  const choice = await prepareInterception(options, onEvent);
  const tell = ({ mode, reason, limits }: InterceptionChoice): void =>
    onEvent({ t: 'interception', mode, reason, limits: options.type === 'router' ? [] : limits });
  try {
    const join = await joinAs(options, choice.mode);
    tell(choice);
    return { mode: choice.mode, join };
  } catch (error) {
    if (options.interception !== 'auto' || !(error instanceof MeshError) || error.code !== NO_NETWORK) throw error;
    tell({ mode: 'ports', reason: 'the control plane has no bridge for network namespaces', limits: PORTS_LIMITS });
    return { mode: 'ports', join: await joinAs(options, 'ports') };
  }
}

async function prepareInterception(options: WorkloadOptions, onEvent: (event: WorkloadEvent) => void): Promise<InterceptionChoice> {
  const wanted = options.controlPlane.t === 'joined' ? (options.controlPlane.result.network === undefined ? 'ports' : 'netns') : options.interception;
  const choice = await (wanted === 'auto' && startedElsewhere(options) ? besideApplication() : chooseInterception(wanted));
  if (choice.mode === 'netns') {
    const removed = await removeLeftovers();
    for (const name of [...removed.namespaces, ...removed.interfaces])
      onEvent({ t: 'warning', message: `Removed ${name}, which a run that crashed had left.` });
  }
  return choice;
}

/** A sidecar for an application that something else starts: that runs on this machine, and in no namespace of ours. */
function startedElsewhere({ type, application }: WorkloadOptions): boolean {
  return type === 'sidecar' && application === undefined;
}

async function besideApplication(): Promise<InterceptionChoice> {
  return { ...(await chooseInterception('ports')), reason: 'the application is started by something else' };
}

async function joinAs(options: WorkloadOptions, mode: InterceptionMode): Promise<JoinResult> {
  if (options.controlPlane.t === 'joined') return options.controlPlane.result;
  const join = await joinMesh(options.controlPlane, joinRequest(options, mode));
  if (mode === 'netns' && join.network === undefined)
    throw new MeshError(
      NO_NETWORK,
      'The control plane has no bridge for network namespaces: the demo makes one, "meltemi control-plane" is told of one by --network. Use --interception ports.',
    );
  return join;
}

function joinRequest(options: WorkloadOptions, mode: InterceptionMode): JoinRequest {
  const { serviceAccount, ...identity } = options.identity;
  // The account of a member is its group's to say.
  const own = options.group === undefined ? { serviceAccount } : { group: options.group };
  return { ...identity, ...own, type: options.type, ports: options.appPorts, interception: mode };
}

async function start(
  options: WorkloadOptions,
  mode: InterceptionMode,
  join: JoinResult,
  hooks: StartHooks,
): Promise<{ agent: Agent; undo: () => Promise<void> }> {
  const config = agentConfig(options, mode, join);
  const log = options.log ?? silentLog;
  const { controlPlane } = options;
  const newToken =
    controlPlane.t === 'server' ? async (): Promise<string> => (await joinMesh(controlPlane, joinRequest(options, mode))).joinToken : undefined;
  const agentHooks = { ...hooks, newToken };
  // A gateway is called from outside and catches nothing: it stays on the host, with an address of its own on the bridge.
  if (mode === 'netns' && options.type === 'sidecar') {
    if (join.network === undefined || options.agentCommand === undefined)
      throw new MeshError('interception/unavailable', 'Network namespaces need the bridge of the control plane and a command for the agent.');
    const { startNamespaceAgent } = await import('./namespace-agent.ts');
    return {
      agent: await startNamespaceAgent(config, agentHooks, { network: join.network, command: options.agentCommand, log }),
      undo: () => Promise.resolve(),
    };
  }
  const undo = join.network === undefined ? (): Promise<void> => Promise.resolve() : await addBridgeAddress(join.network, join.address);
  try {
    const { startAgent } = await import('./agent.ts');
    const base = systemPlatform(log);
    return { agent: await startAgent(config, { ...agentHooks, platform: { ...base, random: options.random ?? base.random } }), undo };
  } catch (error) {
    await undo();
    throw error;
  }
}

function agentConfig(options: WorkloadOptions, mode: InterceptionMode, join: JoinResult): AgentConfig {
  const { application } = options;
  return {
    type: options.type,
    identity: { ...options.identity, ...join.identity },
    appPorts: options.appPorts.length === 0 ? (join.ports ?? []) : options.appPorts,
    interception: options.type === 'router' ? 'none' : mode,
    join,
    dataPlane: options.dataPlane,
    ports: { ...ISTIO_PORTS, ...options.ports },
    drainMs: join.proxy?.terminationDrainMs ?? options.drainMs ?? DEFAULT_DRAIN_MS,
    ...(application === undefined ? {} : { application: { ...application, ...(mode === 'netns' ? ownUser() : {}) } }),
    ...places(options),
  };
}

/** What is said of folders, paths and addresses. */
function places({ runDirectory, applicationMetricsUrl, readyPath, bindAddress }: WorkloadOptions): Partial<AgentConfig> {
  return {
    ...(runDirectory === undefined ? {} : { runDirectory }),
    ...(applicationMetricsUrl === undefined ? {} : { applicationMetricsUrl }),
    ...(readyPath === undefined ? {} : { readyPath }),
    ...(bindAddress === undefined ? {} : { bindAddress }),
  };
}

/** In a namespace agent and proxy run with a group of their own; the application keeps its user's. */
function ownUser(): { readonly uid?: number; readonly gid?: number } {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}
