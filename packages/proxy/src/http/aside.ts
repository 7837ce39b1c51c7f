import type { Exchange } from './exchange.ts';
import type { LocalReply } from './local-reply.ts';

/** What the exchange keeps of an attempt that goes on beside its present one; see `hedge.ts`. */
export interface Aside {
  drop(): void;
}

/** The response of one attempt has begun, or the exchange is over: the others are of no use. */
export function dropAside(x: Exchange): void {
  const { aside } = x;
  if (aside === undefined) return;
  x.aside = undefined;
  x.lastReply = undefined;
  for (const attempt of aside) attempt.drop();
}

/** No attempt is left but those set aside: the answer waits for them. Answers whether there are any. */
export function waitForAside(x: Exchange, reply: LocalReply): boolean {
  if (x.aside === undefined || x.aside.size === 0) return false;
  x.lastReply = reply;
  x.phase = 'held';
  return true;
}
