import { bridgeObstacle, chooseInterception, createBridge, removeLeftovers, type BridgeNetwork, type InterceptionChoice } from '@meltemi/agent';
import { MeshError } from '@meltemi/base';
import type { DemoOptions } from './demo-options.ts';

/** How the demo's traffic is caught, and the bridge of its namespaces; none in ports mode. */
export interface DemoNetwork {
  readonly choice: InterceptionChoice;
  readonly network: BridgeNetwork | undefined;
}

/**
 * Chooses, and makes the bridge where one is needed. It belongs to the demo, so that a control plane that dies leaves it in place. Throws
 * `interception/unavailable` when namespaces are asked for and cannot be had.
 */
export async function startNetwork(wanted: DemoOptions['interception'], closers: (() => void | Promise<void>)[]): Promise<DemoNetwork> {
  const choice = await chooseInterception(wanted);
  if (choice.mode === 'ports') return { choice, network: undefined };
  await removeLeftovers();
  const bridge = await createBridge();
  closers.push(() => bridge.close());
  const obstacle = await bridgeObstacle(bridge.network);
  if (obstacle === undefined) return { choice, network: bridge.network };
  const reason = `network namespaces cannot be used: ${obstacle}`;
  if (wanted === 'netns') throw new MeshError('interception/unavailable', `${reason}. Or use --interception ports.`);
  return { choice: { ...(await chooseInterception('ports')), reason }, network: undefined };
}
