import type { Sampling, Share } from '@meltemi/runtime';
import { requestNumber } from '../access-log/compile-filter.ts';
import type { HeadView } from '../http/request-view.ts';

/** Where a UUID tells its version; Envoy's proxies put their word about tracing there. */
const REASON_AT = 14;
const UUID_LENGTH = 36;
const NOT_TRACED = '4';
const SAMPLED = '9';
const FORCED = 'a';
const CLIENT = 'b';
const TRACED: ReadonlySet<string> = new Set([SAMPLED, FORCED, CLIENT]);

/** Whether a request is traced, and its id with that word in it. */
export interface TraceChoice {
  readonly traced: boolean;
  readonly requestId: string;
}

const NOT_CHOSEN: TraceChoice = { traced: false, requestId: '' };

/**
 * Decides like Envoy: a proxy before this one has said so in the request's id, or the client asks, or it is this request's turn. By the
 * id's own digits, so that all proxies on its way decide alike. `requestId` '' = as it was.
 */
export function chooseTraced(
  requestId: string,
  sampling: Sampling,
  { view, random }: { readonly view: HeadView; readonly random: () => number },
): TraceChoice {
  const drawn = requestNumber(requestId);
  if (drawn === undefined) return NOT_CHOSEN;
  const turn = drawn % 10_000;
  const told = requestId.length === UUID_LENGTH ? (requestId[REASON_AT] as string) : NOT_TRACED;
  const before = TRACED.has(told) ? told : NOT_TRACED;
  const wanted = before === NOT_TRACED ? newReason(sampling, turn, { view, random }) : before;
  const reason = wanted !== NOT_TRACED && within(sampling.overall, turn) ? wanted : NOT_TRACED;
  const traced = reason !== NOT_TRACED;
  if (reason === before || requestId.length !== UUID_LENGTH) return traced ? { traced, requestId: '' } : NOT_CHOSEN;
  return { traced, requestId: requestId.slice(0, REASON_AT) + reason + requestId.slice(REASON_AT + 1) };
}

function newReason(
  { client, random: all }: Sampling,
  turn: number,
  { view, random }: { readonly view: HeadView; readonly random: () => number },
): string {
  if (view.header('x-client-trace-id') !== undefined && random() * client.denominator < client.numerator) return CLIENT;
  if (view.header('x-envoy-force-trace') !== undefined) return FORCED;
  return within(all, turn) ? SAMPLED : NOT_TRACED;
}

function within({ numerator, denominator }: Share, turn: number): boolean {
  return turn % denominator < numerator;
}
