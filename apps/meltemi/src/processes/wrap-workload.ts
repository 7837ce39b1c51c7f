import { flushCompileCache } from 'node:module';
import { runWorkload, type WorkloadEvent, type WorkloadOptions } from '@meltemi/agent';
import { MeshError } from '@meltemi/base';
import { connect } from '../client/control-plane-client.ts';
import { MAIN } from '../commands/workload-options.ts';
import type { Output } from '../output/output.ts';
import { ensureService } from './ensure-service.ts';
import { createLog } from './log.ts';
import { stopWithParent, tellParent } from './child.ts';

/** What `run` and `proxy` know; the rest is the same for both. */
export type Workload = Omit<WorkloadOptions, 'controlPlane' | 'agentCommand' | 'onEvent' | 'log'>;

/** How the agent is started in a process of its own. */
export const AGENT_COMMAND: readonly string[] = [process.execPath, MAIN, 'agent-worker'];

/** Joins the mesh as one workload and stays until it ends. Resolves with the application's exit code. */
export async function wrapWorkload(workload: Workload, context: { readonly server: string | undefined; readonly out: Output }): Promise<number> {
  const { out } = context;
  const client = connect({ server: context.server });
  if (client.token === undefined)
    throw new MeshError(
      'cli/no-token',
      `joining the mesh needs the token of the control plane at ${client.url}. Set MELTEMI_TOKEN to the content of its run/token file.`,
    );
  const name = workload.identity.workload;
  const told = await ensureService(client, workload);
  if (told !== undefined) out.note(`meltemi: ${told}`);
  const running = await runWorkload({
    ...workload,
    controlPlane: { t: 'server', url: client.url, token: client.token },
    agentCommand: AGENT_COMMAND,
    log: createLog(name, out),
    onEvent: (event) => tell(event, workload, out),
  });
  stopWithParent(async () => running.stop());
  const patience = setTimeout(() => out.note(`meltemi: ${name} gets no traffic yet: ${waitingFor(workload)}`), PATIENCE_MS);
  const started = await Promise.race([running.ready.then(() => true), running.exited.then(() => false)]).finally(() => clearTimeout(patience));
  if (started) {
    out.note(`meltemi: ${name} is in the mesh at ${running.address}`);
    tellParent({ t: 'ready', details: { address: running.address } });
    flushCompileCache();
  }
  return running.exited;
}

/** An application that listens nowhere by then may never do so. */
const PATIENCE_MS = 10_000;

function waitingFor({ appPorts, readyPath }: Workload): string {
  const ports = appPorts.length === 0 ? 'the ports of its WorkloadGroup' : `port ${appPorts.map(({ number }) => number).join(', ')}`;
  return `its application does not answer on ${ports}${readyPath === undefined ? '' : ` at ${readyPath}`}. It must listen at HOST and PORT, which it is told.`;
}

/** The application's own lines are passed on as they are; what the mesh has to say goes to stderr. */
function tell(event: WorkloadEvent, workload: Workload, out: Output): void {
  if (event.t === 'line') {
    if (event.source === 'stdout') out.line(event.text);
    else if (event.source === 'stderr' || workload.type === 'router' || process.env['MELTEMI_PROXY_LOG'] !== undefined) out.note(event.text);
    return;
  }
  const text = sentenceOf(event, workload.identity.workload);
  if (text !== undefined) out.note(`meltemi: ${text}`);
  if (event.t === 'interception') for (const limit of event.limits) out.note(`  - ${limit}`);
}

/** What a person should know of an event; undefined when all is as it should be. */
export function sentenceOf(event: Exclude<WorkloadEvent, { t: 'line' }>, name: string): string | undefined {
  switch (event.t) {
    case 'interception':
      return `traffic is caught by ${event.mode === 'netns' ? 'a network namespace' : 'ports'} (${event.reason})`;
    case 'rejected':
      return `the proxy of ${name} refused configuration (${event.typeUrl}): ${event.message}`;
    case 'warning':
      return event.message;
    case 'joined':
    case 'certificate':
      return undefined;
    case 'application':
    case 'proxy':
    case 'health':
    case 'control-plane':
      return endOrAbsence(event, name);
  }
}

function endOrAbsence(event: Extract<WorkloadEvent, { state: string }>, name: string): string | undefined {
  switch (event.state) {
    case 'exited':
      return event.t === 'proxy'
        ? `the proxy of ${name} ended (${event.reason ?? 'no reason given'}); starting it again`
        : `${name} ended with ${endOf(event)}; its endpoint leaves the mesh`;
    case 'unhealthy':
      return `${name} gets no traffic until it answers again: ${event.reason}`;
    case 'away':
      return `the control plane is away${event.reason === undefined ? '' : ` (${event.reason})`}; traffic goes on with the last configuration`;
    case 'starting':
    case 'started':
    case 'ready':
    case 'healthy':
    case 'connected':
      return undefined;
  }
}

/** `exit code 3`, `SIGKILL`. */
function endOf(event: { readonly code?: number; readonly signal?: string }): string {
  return event.signal ?? `exit code ${event.code ?? 'unknown'}`;
}
