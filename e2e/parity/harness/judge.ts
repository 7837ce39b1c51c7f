import type { LogExpectation, ParityCase } from '../define.ts';
import type { IntendedDifference } from '../intended-differences.ts';
import type { Step } from '../steps.ts';
import { differences, type Difference } from './difference.ts';
import { mismatches, record, type Mismatch } from './match.ts';
import type { Observation, StepObservation } from './observation.ts';
import type { ProxyName } from './proxies.ts';

const MAX_DIFFERENCES = 8;
const MAX_TEXT = 300;

export type Observations = Partial<Readonly<Record<ProxyName, Observation>>>;

export interface Judgement {
  /** Everything that is wrong with a case, one line each; none = it holds on every proxy that took part. */
  readonly problems: readonly string[];
  /** Intended differences that explained one. */
  readonly used: readonly IntendedDifference[];
}

/** Holds what was observed against the case, and the proxies against each other. */
export function judge(parityCase: ParityCase, observations: Observations, intended: readonly IntendedDifference[]): Judgement {
  const { embedded, envoy } = observations;
  const problems: string[] = [];
  const { random = [] } = parityCase;
  const mayDiffer = (path: string): boolean => [...intended.flatMap(({ at }) => at), ...random].some((pattern) => isBelow(path, pattern));
  for (const [name, observation] of Object.entries(observations)) {
    for (const mismatch of expectationMismatches(parityCase, observation)) {
      if (name === 'embedded' && mayDiffer(mismatch.path)) continue;
      problems.push(`${name}: ${mismatch.path} is ${show(mismatch.actual)}, expected ${show(mismatch.expected)}`);
    }
    if (problems.length > 0 && observation.notes.length > 0) problems.push(...observation.notes.map((note) => `${name} said: ${note}`));
  }
  if (embedded === undefined || envoy === undefined) return { problems, used: intended };
  const found = differences(comparable(embedded, parityCase), comparable(envoy, parityCase));
  const open = found.filter(({ path }) => !mayDiffer(path));
  problems.push(...shortened(open.map((item) => `differ at ${item.path}: embedded ${show(item.embedded)}, Envoy ${show(item.envoy)}`)));
  const used = intended.filter(({ at }) => at.some((pattern) => found.some(({ path }) => isBelow(path, pattern))));
  problems.push(...used.flatMap((entry) => entryMismatches(entry, embedded)), ...stale(intended, found));
  return { problems, used };
}

/** One refused request differs in twenty places; the first few tell it. */
function shortened(lines: readonly string[]): readonly string[] {
  return lines.length <= MAX_DIFFERENCES + 2 ? lines : [...lines.slice(0, MAX_DIFFERENCES), `… and at ${lines.length - MAX_DIFFERENCES} more places`];
}

/** Entries for one case must explain something; those for many are looked at when all have run. */
function stale(intended: readonly IntendedDifference[], found: readonly Difference[]): readonly string[] {
  return intended
    .filter((entry) => !entry.case.endsWith('*'))
    .flatMap(({ at }) => at)
    .filter((pattern) => !found.some(({ path }) => isBelow(path, pattern)))
    .map((pattern) => `intended-differences.ts: nothing differs at "${pattern}" any more; take it out`);
}

function entryMismatches({ embedded }: IntendedDifference, observation: Observation): readonly string[] {
  return Object.entries(embedded).flatMap(([path, expected]) => {
    const actual = valueAt(comparable(observation, {}), path);
    return record({ actual }, { actual: expected }, '').map(
      () => `embedded (intended difference): ${path} is ${show(actual)}, expected ${show(expected)}`,
    );
  });
}

function expectationMismatches({ steps, log, logOrder }: ParityCase, observation: Observation): readonly Mismatch[] {
  const found = steps.flatMap((step, index) => stepMismatches(step, observation.steps[index], String(index)));
  if (log === undefined || log === 'not compared') return found;
  if (logOrder === 'any') return [...found, ...unorderedLog(log, observation)];
  found.push(...log.flatMap((line, index) => record(observation.log[index] ?? {}, line, `log.${index}`)));
  if (observation.log.length !== log.length) found.push({ path: 'log.length', expected: log.length, actual: observation.log.length });
  return found;
}

function unorderedLog(log: readonly LogExpectation[], observation: Observation): readonly Mismatch[] {
  const left = [...observation.log];
  return log.flatMap((line, index) => {
    const at = left.findIndex((shown) => record(shown, line, '').length === 0);
    if (at < 0) return [{ path: `log.${index}`, expected: line, actual: left }];
    left.splice(at, 1);
    return [];
  });
}

function stepMismatches(step: Step, shown: StepObservation | undefined, path: string): readonly Mismatch[] {
  if (shown === undefined) return [{ path, expected: 'an observation', actual: undefined }];
  if (shown.error !== undefined) return [{ path: `${path}.error`, expected: undefined, actual: shown.error }];
  if (step.t === 'together') return step.steps.flatMap((inner, index) => stepMismatches(inner, shown.steps?.[index], `${path}.steps.${index}`));
  if (step.t === 'count') return shareMismatches(step, shown.shares ?? {}, path);
  return mismatches(shown, step.expect, path);
}

function shareMismatches({ shares }: Extract<Step, { t: 'count' }>, shown: Readonly<Record<string, number>>, path: string): readonly Mismatch[] {
  const names = [...new Set([...Object.keys(shares), ...Object.keys(shown)])];
  return names.flatMap((name) => {
    const [min, max] = shares[name] ?? [0, 0];
    const times = shown[name] ?? 0;
    return times >= min && times <= max ? [] : [{ path: `${path}.shares.${name}`, expected: `${min} to ${max}`, actual: times }];
  });
}

/** Steps by number, and the log. Where chance decides who answers (`count`), the shares and the log are left to the expectation. */
function comparable(
  { steps, log }: Observation,
  { log: expected, logOrder }: Pick<ParityCase, 'log' | 'logOrder'>,
): Readonly<Record<string, unknown>> {
  const shown = Object.fromEntries(steps.map((step, index) => [index, withoutShares(step)]));
  if (expected === 'not compared' || steps.some(({ shares }) => shares !== undefined)) return shown;
  return { ...shown, log: logOrder === 'any' ? log.map((line) => JSON.stringify(line)).sort() : log };
}

function withoutShares(step: StepObservation): StepObservation {
  if (step.shares !== undefined) return {};
  return step.steps === undefined ? step : { ...step, steps: step.steps.map(withoutShares) };
}

function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const segment of path.split('.')) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[segment] : undefined;
  return at;
}

function isBelow(path: string, pattern: string): boolean {
  const segments = path.split('.');
  return pattern.split('.').every((segment, index) => segment === '*' || segment === segments[index]);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
