import type { Exchange } from './exchange.ts';
import { clean } from './headers.ts';
import { rescan } from './request-head.ts';

/** The authority that a request goes on with as far as its route knows: the name of the host that is chosen for it comes later. */
export function upstreamAuthority(x: Exchange): string {
  const { forward, choice, worker } = x;
  if (forward?.rewrites !== true || choice === undefined) return x.viewAuthority;
  // Of an earlier attempt the scanner may have dropped lines.
  if (worker.scannedFor !== x || x.info.attempts > 1) rescan(x);
  return clean(forward.rewriteHost(worker.view, choice, ''));
}
