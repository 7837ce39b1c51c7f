import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Log, MeshError } from '@meltemi/base';
import { createForwarder, type Forwarder, readNameservers } from '@meltemi/dns';
import type { Agent, AgentHooks } from './agent.ts';
import { PROXY_GID } from './interception/netns/rules.ts';
import { createWorkloadNamespace, type WorkloadNamespace } from './interception/netns/workload-namespace.ts';
import type { FromAgent, ToAgent } from './process-protocol.ts';
import type { AgentConfig, BridgeNetwork } from './types.ts';

const KILL_GRACE_MS = 5000;
/** The control plane sends calls to a workload whose stream ended for 10 s: it might come back. */
const LINGER_MS = 12_000;

export interface NamespaceAgentOptions {
  readonly network: BridgeNetwork;
  /** Runs `runAgentProcess`. */
  readonly command: readonly string[];
  readonly log: Log;
}

/** The same as `startAgent`, with agent, proxy and application inside a network namespace of their own, which goes when they do. */
export async function startNamespaceAgent(config: AgentConfig, hooks: Omit<AgentHooks, 'platform'>, options: NamespaceAgentOptions): Promise<Agent> {
  const namespace = await createWorkloadNamespace({
    network: options.network,
    address: config.join.address,
    workload: config.identity.workload,
    meshNamespace: config.identity.namespace,
  });
  try {
    const child = startProcess(namespace, options.command);
    return await runInside(child, namespace, { ...config, interception: 'netns' }, hooks);
  } catch (error) {
    await namespace.close();
    throw error;
  }
}

function startProcess(namespace: WorkloadNamespace, command: readonly string[]): ChildProcess {
  const [program = '', ...args] = namespace.wrap(command);
  // The group makes the rules leave agent and proxy alone; the application gets its user's own group back.
  return spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], gid: PROXY_GID, detached: true });
}

async function runInside(
  child: ChildProcess,
  namespace: WorkloadNamespace,
  config: AgentConfig,
  hooks: Omit<AgentHooks, 'platform'>,
): Promise<Agent> {
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const exited = Promise.withResolvers<number>();
  const forwarder = createForwarder({ nameservers: config.nameservers ?? readNameservers() });
  let exitCode = 1;
  /** It ends because it was told to, or tells that it does. */
  let expected = false;
  const tell = (message: ToAgent): void => {
    if (child.connected) child.send(message, () => undefined);
  };
  child.on('message', (message: FromAgent) => {
    switch (message.t) {
      case 'event':
        return hooks.onEvent(message.event);
      case 'ready':
        return ready.resolve();
      case 'failed':
        return ready.reject(new MeshError(message.code, message.message));
      case 'exited':
        exitCode = message.code;
        expected = true;
        return;
      case 'token':
        return answerToken(message.id, hooks, tell);
      case 'dns':
        return answerDns(message, forwarder, tell);
    }
  });
  child.on('error', (error) =>
    ready.reject(new MeshError('agent/cannot-start', `The agent cannot be started in its namespace: ${error.message}.`, { cause: error })),
  );
  child.once('close', () => {
    ready.reject(new MeshError('agent/ended', 'The agent ended before its workload was ready.'));
    void (expected ? namespace.close() : namespace.abandon(LINGER_MS)).finally(() => exited.resolve(exitCode));
  });
  // Proxy and application die with the agent.
  const stop = async (limitMs = config.drainMs + KILL_GRACE_MS): Promise<void> => {
    expected = true;
    tell({ t: 'stop' });
    const hard = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await exited.promise;
    clearTimeout(hard);
  };
  hooks.signal?.addEventListener('abort', () => void stop(), { once: true });
  tell({ t: 'start', config });
  try {
    await ready.promise;
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    await exited.promise;
    throw error;
  }
  return { exited: exited.promise, signal: (name) => tell({ t: 'signal', name }), stop };
}

function answerToken(id: number, hooks: Omit<AgentHooks, 'platform'>, tell: (message: ToAgent) => void): void {
  const token = hooks.newToken?.() ?? Promise.reject(new Error('nobody can get a new join token'));
  token.then(
    (value) => tell({ t: 'answer', id, value }),
    (error: unknown) => tell({ t: 'answer', id, error: String(error) }),
  );
}

function answerDns(message: Extract<FromAgent, { t: 'dns' }>, forwarder: Forwarder, tell: (message: ToAgent) => void): void {
  forwarder.forward(Buffer.from(message.question, 'base64'), message.transport).then(
    (answer) => tell({ t: 'answer', id: message.id, value: Buffer.from(answer).toString('base64') }),
    (error: unknown) => tell({ t: 'answer', id: message.id, error: String(error) }),
  );
}
