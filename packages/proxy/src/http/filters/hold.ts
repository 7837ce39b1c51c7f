import type { Exchange } from '../exchange.ts';
import { REPLIES } from '../replies.ts';

/** Body bytes have come, or the body is whole: a filter may be waiting for that. */
export function bodyArrived(x: Exchange): void {
  const state = x.filters;
  if (state?.onBody === undefined) return;
  const next = state.onBody;
  const tooLarge = x.bodyBytes > state.holdBytes;
  if (!x.requestComplete && !tooLarge) return;
  state.onBody = undefined;
  if (tooLarge && !state.partial) x.downstream.reply(x, REPLIES.bodyTooLarge);
  else next();
}
