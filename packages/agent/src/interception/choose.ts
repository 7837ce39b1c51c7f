import { MeshError } from '@meltemi/base';
import { findProgram } from '../process/find-program.ts';
import type { InterceptionMode } from '../types.ts';
import { runTool } from './netns/commands.ts';
import { namespaceName } from './netns/names.ts';
import { redirectRules } from './netns/rules.ts';
import { PORTS_LIMITS } from './ports/limits.ts';

/** Which way traffic is caught, why this one, and what it cannot do; to be printed. */
export interface InterceptionChoice {
  readonly mode: InterceptionMode;
  readonly reason: string;
  readonly limits: readonly string[];
}

const NETNS_LIMITS = ['Workloads reach each other and this machine; hosts beyond this machine are not reached from a namespace.'];

/**
 * Decides between network namespaces and ports by trying, not by guessing. Throws `interception/unavailable` when `netns` is asked for and
 * cannot be had; `auto` then takes `ports` and says why.
 */
export async function chooseInterception(wanted: 'auto' | InterceptionMode): Promise<InterceptionChoice> {
  if (wanted === 'ports') return { mode: 'ports', reason: 'asked for', limits: PORTS_LIMITS };
  const obstacle = await netnsObstacle();
  if (obstacle === undefined)
    return { mode: 'netns', reason: wanted === 'netns' ? 'asked for' : 'Linux, root, ip and nft are here', limits: NETNS_LIMITS };
  if (wanted === 'auto') return { mode: 'ports', reason: `network namespaces cannot be used: ${obstacle}`, limits: PORTS_LIMITS };
  throw new MeshError('interception/unavailable', `Network namespaces cannot be used: ${obstacle}. Use --interception ports, or auto.`);
}

/** Why namespaces cannot be used here; undefined when they can. */
async function netnsObstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `they are a Linux feature and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'they need root';
  for (const tool of ['ip', 'nft']) if (findProgram(tool) === undefined) return `"${tool}" is not installed`;
  const name = namespaceName(process.pid, 0, `probe-${probes++}`);
  try {
    await runTool('ip', ['netns', 'add', name]);
    await runTool('ip', ['netns', 'exec', name, 'nft', '-f', '-'], redirectRules({ interfaceName: 'lo', controlPlane: '127.0.0.1' }));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
  } finally {
    await runTool('ip', ['netns', 'del', name]).catch(() => undefined);
  }
}

let probes = 0;
