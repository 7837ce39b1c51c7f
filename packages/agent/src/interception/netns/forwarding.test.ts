import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { findProgram } from '../../process/find-program.ts';
import { chooseInterception } from '../choose.ts';

const able = await chooseInterception('auto');
const isSeen = existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables') && findProgram('unshare') !== undefined;
const skip = able.mode === 'netns' && isSeen ? false : 'needs root on Linux with ip, nft, unshare and br_netfilter';

/** As if it were a machine of its own, with these rules: what is said of its bridge. */
function obstacleWith(rules: string): string {
  const script = `
    import { execFileSync } from 'node:child_process';
    const { createBridge } = await import(${JSON.stringify(new URL('./bridge.ts', import.meta.url).href)});
    const { bridgeObstacle } = await import(${JSON.stringify(new URL('./forwarding.ts', import.meta.url).href)});
    execFileSync('mount', ['-t', 'tmpfs', 'none', '/run']);
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    execFileSync('nft', ['-f', '-'], { input: ${JSON.stringify(rules)} });
    const bridge = await createBridge();
    console.log((await bridgeObstacle(bridge.network)) ?? 'none');
    await bridge.close();`;
  const { stdout, stderr } = spawnSync('unshare', ['--net', '--mount', process.execPath, '--input-type=module', '-e', script], { encoding: 'utf8' });
  return stdout.trim() || stderr;
}

test('a packet filter that keeps workloads from each other is found out before anything is started', { skip }, () => {
  const chain = (policy: string): string => `table ip other {\n chain forward {\n type filter hook forward priority 0; policy ${policy};\n }\n}\n`;
  assert.equal(obstacleWith(chain('accept')), 'none');
  assert.match(obstacleWith(chain('drop')), /packet filter of this machine .* over mlt-\d+-br \(no answer\)/);
});
