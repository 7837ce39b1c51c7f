import { chooseInterception } from '@meltemi/agent';
import { bookinfoSuite } from '../testkit/bookinfo-suite.ts';

const able = await chooseInterception('auto');
const skip = able.mode === 'netns' ? false : `needs Linux, root and the programs ip and nft (packages iproute2 and nftables): ${able.reason}`;

for (const dataPlane of ['embedded', 'envoy'] as const) bookinfoSuite({ dataPlane, interception: 'netns', requests: 1500, skip });
