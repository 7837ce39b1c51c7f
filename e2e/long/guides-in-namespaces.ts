import { test } from 'node:test';
import { chooseInterception } from '@meltemi/agent';

/** A share, a switch, copies, and what only one user meets. */
const GUIDES = ['canary', 'dark-launch', 'mirroring', 'blue-green', 'fault-injection', 'tcp-shifting'];

/** Guides where connections are redirected instead of told another address, with 8,000 requests at every step. */
export async function guidesInNamespaces(plane: 'embedded' | 'envoy'): Promise<void> {
  process.env['MELTEMI_GUIDE_REQUESTS'] = '8000'; // read when the guides are loaded
  const { runGuides } = await import('../guides/run-guides.ts');
  const able = await chooseInterception('auto');
  if (able.mode === 'netns') runGuides(plane, { interception: 'netns', guides: GUIDES });
  else test('guides in network namespaces', { skip: `needs Linux, root and the programs ip and nft: ${able.reason}` });
}
