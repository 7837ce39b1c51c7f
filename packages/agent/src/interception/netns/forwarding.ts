import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { BridgeNetwork } from '../../types.ts';
import { PROXY_GID } from './rules.ts';
import { createWorkloadNamespace } from './workload-namespace.ts';

/** The host's packet filter sees what crosses bridges (module br_netfilter, which Docker and Kubernetes load). */
const SEEN = '/proc/sys/net/bridge/bridge-nf-call-iptables';
/** A port that is not caught, and that nobody listens at. */
const PORT = 15021;
const LIMIT_MS = 2000;

/**
 * Why workloads on this bridge would not reach each other: a packet filter that forwards nothing, as Docker sets it up. Undefined: they do. Found out by two
 * namespaces that are made for it, where it may be so. Throws `netns/…`.
 */
export async function bridgeObstacle(network: BridgeNetwork): Promise<string | undefined> {
  if ((await readFile(SEEN, 'utf8').catch(() => '0')).trim() !== '1') return undefined;
  const [from, to] = lastAddresses(network);
  const made = await Promise.all(
    [from, to].map((address) => createWorkloadNamespace({ network, address, workload: 'probe', meshNamespace: 'probe' })),
  );
  try {
    const answer = await call(made[0]?.wrap([process.execPath, '-e', callScript(to)]) ?? []);
    if (answer === 'ECONNREFUSED') return undefined;
    return `a packet filter of this machine (Docker's, often) drops what workloads send each other over ${network.bridge} (${answer}); "sysctl net.bridge.bridge-nf-call-iptables=0" lets it pass`;
  } finally {
    await Promise.all(made.map((namespace) => namespace.close()));
  }
}

/** The two that are given last. */
function lastAddresses({ gateway, prefixLength }: BridgeNetwork): readonly [string, string] {
  const size = 2 ** (32 - prefixLength);
  const number = gateway.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const last = Math.floor(number / size) * size + size - 2;
  const text = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
  return [text(last - 1), text(last)];
}

function callScript(address: string): string {
  return `const s=require('net').connect(${PORT},'${address}');s.on('error',(e)=>process.stdout.write(e.code));s.on('connect',()=>s.destroy(process.stdout.write('connected')));s.setTimeout(${LIMIT_MS},()=>s.destroy(process.stdout.write('no answer')))`;
}

async function call([command = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], gid: PROXY_GID });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child, 'close');
  return said;
}
