import { spawnSync } from 'node:child_process';
import type { Demo } from './demo.ts';

const LOG_CHARACTERS = 4_000;

/** What is known when the gateway gave no answer: who listens at its port and what waits in the queues there, its connections, and the end of the demo's log. */
export function whatIsKnown(demo: Demo): string {
  const { port } = new URL(demo.urls.gateway);
  const sockets = spawnSync('ss', ['-tanpo', `( sport = :${port} or dport = :${port} )`], { encoding: 'utf8' });
  return `${sockets.stdout ?? 'ss is not installed'}\n${demo.log().slice(-LOG_CHARACTERS)}`;
}
