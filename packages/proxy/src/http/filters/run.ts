import type { ActiveFilter, FilterReply, FilterVerdict, HeaderEdit } from '@meltemi/runtime';
import { flagBit, type ResponseFlag } from '../../types.ts';
import type { Exchange } from '../exchange.ts';
import { localReply, type LocalReply } from '../local-reply.ts';
import { REPLIES } from '../replies.ts';
import { rescan } from '../request-head.ts';
import { editRequest, isOutgrown, setLength } from './edit-request.ts';
import { editLines } from './edits.ts';
import { mergeMetadata } from './metadata.ts';
import { createFilterState, type FilterState } from './state.ts';

/** What the router does around its filters. */
export interface RouterSteps {
  /** Chooses the route anew, from the head as it is now. */
  readonly choose: (x: Exchange) => void;
  /** Every filter has let the request pass. */
  readonly act: (x: Exchange) => void;
}

/**
 * Runs the filters that stand behind place `after` of the chain (-1 = all), then the router. A filter may put the request off; the rest
 * runs when it goes on. The worker's scanner must show the request.
 */
export function runFilters(x: Exchange, after: number, steps: RouterSteps): void {
  const { worker } = x;
  const { filters } = x.plan.http;
  let list = filters.of(x.route, x.choice);
  let position = after;
  for (let at = 0; at < list.length; at++) {
    const filter = list[at] as ActiveFilter;
    if (filter.position <= position) continue;
    ({ position } = filter);
    const verdict = filter.decide(worker.filterContext.use(x));
    if (verdict === undefined) continue;
    if (!carryOut(x, { filter, verdict, steps })) return;
    // A verdict, or the answer to its question, may have led to another route, where other filters have something to do.
    const now = filters.of(x.route, x.choice);
    if (now === list) continue;
    list = now;
    at = -1;
  }
  steps.act(x);
}

/** A verdict on its way. */
interface Step {
  readonly filter: ActiveFilter;
  readonly verdict: FilterVerdict;
  readonly steps: RouterSteps;
}

/** Does what takes effect at once, then what makes the request wait or ends it; answers whether it may go on now. */
function carryOut(x: Exchange, step: Step): boolean {
  const { verdict, steps } = step;
  if (verdict.metadata !== undefined) mergeMetadata(x, verdict.metadata);
  if (verdict.request !== undefined && verdict.request.length > 0 && !edit(x, verdict.request, verdict.outgrown)) return false;
  if (verdict.reroute === true) steps.choose(x);
  if (verdict.response !== undefined) stateOf(x).hooks.push(verdict.response);
  if (verdict.fault === true && !x.activeFault) {
    x.activeFault = true;
    x.worker.activeFaults++;
  }
  const { delayMs = 0 } = verdict;
  if (delayMs <= 0) return demandBody(x, step);
  x.info.flags |= flagBit('DI');
  x.downstream.timers.wait(x, delayMs, () => resume(x, step, demandBody));
  return false;
}

/** Changes the head; answers whether the request goes on. */
function edit(x: Exchange, edits: readonly HeaderEdit[], outgrown: FilterReply | undefined): boolean {
  const readable = editRequest(x, edits);
  if (readable && (outgrown === undefined || !isOutgrown(x))) return true;
  x.downstream.reply(x, outgrown === undefined ? REPLIES.outgrown : filterReply(x, outgrown));
  return false;
}

function demandBody(x: Exchange, step: Step): boolean {
  const { body } = step.verdict;
  if (body === undefined) return settleVerdict(x, step);
  const tooLarge = x.bodyBytes > body.maxBytes;
  if (tooLarge && !body.partial) {
    x.downstream.reply(x, REPLIES.bodyTooLarge);
    return false;
  }
  if (x.requestComplete || tooLarge) return body.setLength === true ? lengthKnown(x, step) : settleVerdict(x, step);
  if (x.expectsContinue && !meetExpectation(x)) {
    x.downstream.reply(x, REPLIES.outgrown);
    return false;
  }
  const state = stateOf(x);
  state.holdBytes = body.maxBytes;
  state.partial = body.partial;
  state.onBody = () => resume(x, step, body.setLength === true ? lengthKnown : settleVerdict);
  // A body that was too long to be kept while another filter waited was told to wait as well.
  x.downstream.pause(false);
  return false;
}

/** The client is told to go on, and nobody behind this hop is asked to say so again. Answers as `editRequest`. */
function meetExpectation(x: Exchange): boolean {
  if (!editRequest(x, [{ name: 'expect', action: 'remove', value: '' }])) return false;
  x.expectsContinue = false;
  x.downstream.sendInterim(x, undefined);
  return true;
}

function lengthKnown(x: Exchange, step: Step): boolean {
  if (setLength(x)) return settleVerdict(x, step);
  x.downstream.reply(x, REPLIES.outgrown);
  return false;
}

function settleVerdict(x: Exchange, step: Step): boolean {
  const { reply, ask } = step.verdict;
  if (reply !== undefined) {
    x.downstream.reply(x, filterReply(x, reply));
    return false;
  }
  return ask === undefined || put(x, ask, step);
}

/** Puts a filter's question; answers whether the request may go on now. */
function put(x: Exchange, question: unknown, step: Step): boolean {
  const { filter, steps } = step;
  let returned = false;
  let answer: { readonly verdict: FilterVerdict | undefined } | undefined;
  const cancel = x.worker.filterHalves.get(filter.t)?.ask?.(question, {
    x,
    filter,
    done(verdict) {
      if (answer !== undefined) return;
      answer = { verdict };
      if (!returned) return;
      if (x.filters !== undefined) x.filters.cancel = undefined;
      resume(x, { filter, verdict: verdict ?? NOTHING, steps }, carryOut);
    },
  });
  returned = true;
  if (answer !== undefined) return answer.verdict === undefined || carryOut(x, { filter, verdict: answer.verdict, steps });
  stateOf(x).cancel = cancel;
  return false;
}

const NOTHING: FilterVerdict = {};

/** Goes on after a wait, if the request still lives: with the rest of the verdict, then with the filters behind. */
function resume(x: Exchange, step: Step, rest: (x: Exchange, step: Step) => boolean): void {
  if (x.phase !== 'held') return;
  // Another request may have been read meanwhile.
  if (x.worker.scannedFor !== x) rescan(x);
  if (rest(x, step)) runFilters(x, step.filter.position, step.steps);
}

/** The exchange's record of what filters left with it. */
function stateOf(x: Exchange): FilterState {
  return (x.filters ??= createFilterState());
}

function filterReply({ info }: Exchange, reply: FilterReply): LocalReply {
  const { status, body, details, flag, headers } = reply;
  const made = flag === '' ? localReply(status, body, details) : localReply(status, body, details, flag as ResponseFlag);
  const grpcStatus = reply.grpcStatus ?? (info.grpc ? reply.grpcOnlyStatus : undefined);
  return { ...made, lines: headers === undefined ? '' : editLines('', headers), grpcStatus };
}
