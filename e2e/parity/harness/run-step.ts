import { comparableItems } from '../backend/collector.ts';
import { readableBody } from '../backend/grpc-message.ts';
import type { SeenRequest } from '../backend/seen.ts';
import { openConnection, type Connection } from '../client/connection.ts';
import { runHttp2 } from '../client/http2.ts';
import { readResponses } from '../client/responses.ts';
import { LIMIT_MS, sendParts, until } from '../client/send.ts';
import type { Expectation, Step } from '../steps.ts';
import type { StepObservation } from './observation.ts';
import type { CaseRun } from './case-run.ts';
import { mismatches, requestsOf } from './match.ts';

const EVENTUALLY_MS = 5_000;
const EVENTUALLY_PAUSE_MS = 20;
/** How long a request that a backend has seen in part may take to come to its end, and one that is expected to come: nobody answers for a mirrored one. */
const SETTLE_MS = 5_000;
/** The same where the client got nothing but refusals and no backend was asked: most often the proxy's own answers. */
const REFUSED_MS = 1_000;
/** The same where the step is repeated anyway. */
const SETTLE_AGAIN_MS = 100;
/** How long proxies may gather what they report. */
const COLLECT_MS = 6_000;

/** Does one step and tells what it showed. Never throws: what cannot be done is an observation too. */
export async function runStep(run: CaseRun, step: Step): Promise<StepObservation> {
  try {
    if (!('eventually' in step && step.eventually)) return await once(run, step);
    const deadline = performance.now() + EVENTUALLY_MS;
    for (;;) {
      const shown = await once(run, step);
      if (performance.now() > deadline || mismatches(run.normalise(shown), step.expect, '').length === 0) return shown;
      await new Promise((resolve) => setTimeout(resolve, EVENTUALLY_PAUSE_MS));
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

async function once(run: CaseRun, step: Step): Promise<StepObservation> {
  switch (step.t) {
    case 'together':
      return { steps: await Promise.all(step.steps.map((inner) => runStep(run, inner))) };
    case 'count':
      return { shares: await share(run, step) };
    case 'push':
      return push(run, step);
    case 'admin':
      return { admin: step.pick(await run.proxy.admin(step.path(run.context)), run.context) };
    case 'collected':
      return collect(run, step.count);
    case 'http2':
      return withBackends(run, step, () => runHttp2(run, step));
    case 'http1':
      return withBackends(run, step, () => exchange(run, step));
    case 'tcp':
      return withBackends(run, step, () => stream(run, step));
  }
}

/** What collectors have, once there is enough, and nothing more comes at once. */
async function collect({ backends: { journal } }: CaseRun, count: number): Promise<StepObservation> {
  await until(journal, `${count} entries`, () => journal.collected.length >= count, COLLECT_MS).catch(() => undefined);
  return { collected: comparableItems(journal.collected.map(({ item }) => item)) };
}

async function push(run: CaseRun, step: Extract<Step, { t: 'push' }>): Promise<StepObservation> {
  const resources = step.resources(run.context);
  const refusals = await run.proxy.xds.push(resources, step.remove ?? false);
  const wanted = step.expect.verdict ?? 'ack';
  run.notes.push(...refusals);
  if (!(step.remove ?? false)) run.pushed.push(resources);
  // A listener that is new must take connections before the next step.
  if (wanted === 'ack' && refusals.length === 0 && step.remove !== true) await run.listening();
  return { verdict: refusals.length === 0 ? 'ack' : 'nack' };
}

async function share(run: CaseRun, step: Extract<Step, { t: 'count' }>): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (let i = 0; i < step.times; i++) {
    const { responses = [], received = '', error } = await runStep(run, step.step);
    const answer = error ?? responses[0]?.body ?? received;
    shares[answer] = (shares[answer] ?? 0) + 1;
  }
  return shares;
}

/** Adds what the backends got meanwhile. */
async function withBackends(
  run: CaseRun,
  { expect, ...step }: { readonly t: Step['t']; readonly expect: Expectation; readonly eventually?: boolean },
  act: () => Promise<StepObservation>,
): Promise<StepObservation> {
  const { journal } = run.backends;
  const before = journal.requests.length;
  const shown = await act();
  const fresh = (): readonly SeenRequest[] => journal.requests.slice(before);
  const wanted = requestsOf(expect).length;
  // A stream that stays open has no end to wait for.
  const goesOn = step.t === 'tcp' && shown.connection === 'open';
  const settled = (): boolean => fresh().length >= wanted && (goesOn || fresh().every(({ complete, cut }) => complete || cut));
  const limitMs = step.eventually === true ? SETTLE_AGAIN_MS : fresh().length === 0 && isRefused(shown) ? REFUSED_MS : SETTLE_MS;
  await until(journal, 'backends settle', settled, limitMs).catch(() => undefined);
  return {
    ...shown,
    backend: (expect.backendOrder === 'by name' ? byName(fresh(), [...run.backends.addresses.keys()]) : fresh()).map(
      ({ at, method, target, headers, body, trailers, complete }) => ({
        at,
        method,
        target,
        headers,
        body: readableBody(target, body),
        trailers,
        complete,
      }),
    ),
  };
}

function isRefused({ responses = [] }: StepObservation): boolean {
  return responses.length > 0 && responses.every(({ status }) => status >= 400);
}

function byName(requests: readonly SeenRequest[], names: readonly string[]): readonly SeenRequest[] {
  return requests.toSorted((a, b) => names.indexOf(a.at) - names.indexOf(b.at));
}

async function connectionOf(run: CaseRun, step: Extract<Step, { t: 'http1' | 'tcp' }>): Promise<Connection> {
  const { on, tls, from, port = 'main' } = step;
  const known = on === undefined ? undefined : run.connections.get(on);
  if (known !== undefined) return known;
  const target = {
    host: run.context.address,
    port: run.context.port(port),
    ...(tls === undefined ? {} : { tls }),
    ...(from === undefined ? {} : { from }),
  };
  const connection = await openConnection(target, run.proxy.place.identities);
  if (on !== undefined) run.connections.set(on, connection);
  return connection;
}

async function exchange(run: CaseRun, step: Extract<Step, { t: 'http1' }>): Promise<StepObservation> {
  const connection = await connectionOf(run, step);
  const methods = step.methods ?? methodsIn(step.send);
  const wanted = step.expect.responses?.length ?? (step.expect.connection === 'silent' ? 0 : 1);
  const read = (): ReturnType<typeof readResponses> =>
    readResponses(connection.text.slice(connection.consumed), methods, connection.ended !== 'open');
  await sendParts(connection, step.send, methods, run.backends.journal);
  const complete = (): boolean => connection.ended !== 'open' || read().responses.filter((response) => response.complete).length >= wanted;
  await until(connection, `${wanted} responses`, complete).catch(() => undefined);
  const fate = await fateOf(connection, read().announcesEnd, step.expect);
  const { responses, interim, rest, length } = read();
  connection.consumed += length;
  if (step.on === undefined) connection.socket.destroy();
  run.answers += responses.length;
  return {
    responses,
    ...(interim.length === 0 ? {} : { interim }),
    connection: fate,
    ...(connection.tls === undefined ? {} : { tls: connection.tls }),
    ...(rest === '' ? {} : { received: rest }),
  };
}

/** Waits for the end where one is announced or expected. */
async function fateOf(connection: Connection, announced: boolean, expect: Expectation): Promise<string> {
  const expected = expect.connection !== undefined && expect.connection !== 'open' && expect.connection !== 'silent';
  if (announced || expected) await until(connection, 'the end', () => connection.ended !== 'open', LIMIT_MS).catch(() => undefined);
  if (connection.ended === 'open') return connection.text.length === connection.consumed ? 'silent' : 'open';
  return expect.connection === 'closed' || expect.connection === 'reset' ? connection.ended : 'ended';
}

async function stream(run: CaseRun, step: Extract<Step, { t: 'tcp' }>): Promise<StepObservation> {
  const connection = await connectionOf(run, step);
  await sendParts(connection, step.send, [], run.backends.journal);
  const { until: mark } = step;
  const over = (): boolean => connection.ended !== 'open' || (mark !== undefined && connection.text.includes(mark, connection.consumed));
  await until(connection, mark ?? 'the end', over).catch(() => undefined);
  const received = connection.text.slice(connection.consumed);
  connection.consumed = connection.text.length;
  const { expect } = step;
  const fate = connection.ended === 'open' ? 'open' : expect.connection === 'closed' || expect.connection === 'reset' ? connection.ended : 'ended';
  if (step.on === undefined) {
    connection.socket.destroy();
    run.answers++;
  }
  return { received, connection: fate, ...(connection.tls === undefined ? {} : { tls: connection.tls }) };
}

function methodsIn(parts: Extract<Step, { t: 'http1' }>['send']): readonly string[] {
  const text = parts.filter((part) => typeof part === 'string').join('');
  return [...text.matchAll(/^([A-Z]+) \S+ HTTP\/1/gm)].map((match) => match[1] ?? 'GET');
}
