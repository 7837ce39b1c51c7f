import { createBridge, removeLeftovers, type BridgeNetwork, type InterceptionMode } from '@meltemi/agent';

/** The bridge of the demo's namespaces; none in ports mode. It belongs to the demo, so that a control plane that dies leaves it in place. */
export async function startNetwork(mode: InterceptionMode, closers: (() => void | Promise<void>)[]): Promise<BridgeNetwork | undefined> {
  if (mode === 'ports') return undefined;
  await removeLeftovers();
  const bridge = await createBridge();
  closers.push(() => bridge.close());
  return bridge.network;
}
