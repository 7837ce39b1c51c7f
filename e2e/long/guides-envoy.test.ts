/** Guides where connections are redirected instead of told another address, with 8,000 requests at every step. */
import { test } from 'node:test';
import { chooseInterception } from '@meltemi/agent';

process.env['MELTEMI_GUIDE_REQUESTS'] = '8000';
const { runGuides } = await import('../guides/run-guides.ts');

/** A share, a switch, copies, and what only one user meets. */
const GUIDES = ['canary', 'dark-launch', 'mirroring', 'blue-green', 'fault-injection', 'tcp-shifting'];

const able = await chooseInterception('auto');
if (able.mode === 'netns') runGuides('envoy', { interception: 'netns', guides: GUIDES });
else test('guides in network namespaces', { skip: `needs Linux, root and the programs ip and nft: ${able.reason}` });
