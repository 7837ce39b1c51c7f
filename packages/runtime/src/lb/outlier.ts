import type { Host } from '../compiled.ts';
import type { OutlierDetection, OutlierFinding } from '../types/health.ts';
import { SharedErrors } from '../shared/counted.ts';
import type { SharedNumbers } from '../shared/numbers.ts';
import { clearWindows, createTurns, createWindows, ejectByRate, ejectsByRate, type HostWindows } from './rate-windows.ts';

/**
 * How an exchange ended: a status; or of our own side `local` (no connection, or a break), `timeout`, `connected` (a connection stands, the answer
 * is told apart) and `done` (a TCP connection stands, which is all there is to tell).
 */
export type OutlierOutcome = number | 'local' | 'timeout' | 'connected' | 'done';

/** What is known of a host. It belongs to the host: it survives an update of its cluster, as that does. */
export interface OutlierRecord extends HostWindows {
  errors: number;
  gatewayErrors: number;
  localErrors: number;
  ejected: boolean;
  /** By how many base times the next ejection is longer. */
  backOff: number;
  /** End of the last ejection; NaN = never. */
  endedMs: number;
}

/**
 * Passive health checking with Envoy's rules. Pure: times come in, ejections are written into `host.ejectedUntilMs`. What Envoy does by a timer
 * each interval is done here when somebody looks (`advance`): in between nobody could tell the difference.
 */
export interface OutlierDetector {
  /** True when the host was ejected just now. */
  report(host: Host, outcome: OutlierOutcome, nowMs: number): boolean;
  /** Catches up with the intervals that have passed; true when a host was ejected. */
  advance(nowMs: number): boolean;
  /** An active health check was passed; true when that ended an ejection. */
  checkPassed(host: Host, nowMs: number): boolean;
  /** Another thread has ejected it, for so long from now. */
  adopt(host: Host, forMs: number, nowMs: number): void;
  /** When `advance` has something to do next; NaN = no time has come in yet. */
  readonly nextMs: number;
}

const records = new WeakMap<Host, OutlierRecord>();

/** Other rules count now: what was held against a host under the old ones is forgotten, its ejection too. */
export function forgetOutlier(host: Host): void {
  const record = records.get(host);
  // What threads count together stays where it is.
  if (record !== undefined) {
    record.errors = record.gatewayErrors = record.localErrors = 0;
    clearWindows(record);
  }
  records.delete(host);
  host.ejectedUntilMs = 0;
}

function isEjected(host: Host): boolean {
  return records.get(host)?.ejected === true;
}

/** Makes one at first sight; who only looks asks `records`. */
function recordOf(config: OutlierDetection, host: Host, shared: SharedNumbers | undefined): OutlierRecord {
  let record = records.get(host);
  if (record === undefined) {
    const place = shared?.place(`${host.cluster}|${host.key}|errors`);
    const row = place === undefined ? { errors: 0, gatewayErrors: 0, localErrors: 0 } : new SharedErrors(place);
    record = Object.assign(row, {
      ejected: false,
      backOff: 0,
      endedMs: NaN,
      ...createWindows(config, host, shared),
    });
    records.set(host, record);
  }
  return record;
}

export interface OutlierPorts {
  readonly startMs: number;
  readonly count?: (event: string) => void;
  readonly shared?: SharedNumbers | undefined;
  readonly onEjected?: ((host: Host, forMs: number) => void) | undefined;
}

/** `hosts` are all of the cluster; `startMs` NaN = the first time that comes in; `count` hears of each statistic that goes up by one. */
export function createOutlierDetector(
  config: OutlierDetection,
  hosts: () => readonly Host[],
  random: () => number,
  { startMs, ...ports }: OutlierPorts,
): OutlierDetector {
  const ejector = createEjector(config, hosts, random, ports);
  let lastMs = startMs;
  const begin = (nowMs: number): void => {
    if (Number.isNaN(lastMs) && nowMs < Infinity) lastMs = nowMs;
  };
  // Of a host that this thread has not called, others may have counted requests.
  const windowsOf = (host: Host): OutlierRecord | undefined =>
    ports.shared === undefined || !ejectsByRate(config) ? records.get(host) : recordOf(config, host, ports.shared);
  const isTurn = createTurns(config, ports.shared);
  // Without hosts there is nothing to look at.
  const ejectStanding = (all: readonly Host[], tickMs: number, eject: (host: Host, finding: OutlierFinding) => boolean): boolean =>
    all[0] !== undefined && isTurn(all[0].cluster, tickMs) && ejectByRate(config, all, { windowsOf, isEjected }, eject);
  return {
    get nextMs() {
      return lastMs + config.intervalMs;
    },
    report(host, outcome, nowMs) {
      begin(nowMs);
      const record = recordOf(config, host, ports.shared);
      const found = judge(config, record, outcome);
      let ejected = false;
      for (const [finding, counter] of found) {
        if (record.ejected) break;
        ejected = ejector.eject(host, finding, { nowMs, tickMs: lastMs }) || ejected;
        record[counter] = 0;
      }
      return ejected;
    },
    advance(nowMs) {
      begin(nowMs);
      if (nowMs === Infinity || nowMs < lastMs + config.intervalMs) return false;
      const first = lastMs + config.intervalMs;
      const last = lastMs + Math.floor((nowMs - lastMs) / config.intervalMs) * config.intervalMs;
      for (const host of hosts()) endEjection(host, first);
      const changed = ejectStanding(hosts(), last, (host, finding) => ejector.eject(host, finding, { nowMs: first, tickMs: first }));
      for (const host of hosts()) forgive(host, { fromMs: lastMs, toMs: first, intervalMs: config.intervalMs });
      for (const host of hosts()) endEjection(host, last);
      for (const host of hosts()) forgive(host, { fromMs: first, toMs: last, intervalMs: config.intervalMs });
      lastMs = last;
      return changed;
    },
    adopt(host, forMs, nowMs) {
      const record = recordOf(config, host, ports.shared);
      record.ejected = true;
      record.backOff++;
      host.ejectedUntilMs = nowMs + forMs;
    },
    checkPassed(host, nowMs) {
      const record = recordOf(config, host, ports.shared);
      if (!config.activeCheckEnds || !record.ejected || host.ejectedUntilMs <= nowMs) return false;
      host.ejectedUntilMs = nowMs;
      endEjection(host, nowMs);
      return true;
    },
  };
}

type Counter = 'errors' | 'gatewayErrors' | 'localErrors';

/** Counts one outcome; answers the thresholds that it reaches. Without the split a failure of our side counts as a gateway's. */
function judge(config: OutlierDetection, record: OutlierRecord, outcome: OutlierOutcome): readonly (readonly [OutlierFinding, Counter])[] {
  if (typeof outcome !== 'number' && config.splitLocalOrigin) return countLocal(config, record, outcome);
  const status = typeof outcome === 'number' ? judged(config, outcome) : STATUS[outcome];
  if (status === 0) return NOTHING;
  record.external.total++;
  if (status < 500) {
    record.external.good++;
    record.errors = record.gatewayErrors = 0;
    return NOTHING;
  }
  const found: (readonly [OutlierFinding, Counter])[] = [];
  if (status < 502 || status > 504) record.gatewayErrors = 0;
  else if (reached(++record.gatewayErrors, config.consecutiveGatewayFailure)) found.push(['consecutiveGatewayFailure', 'gatewayErrors']);
  if (reached(++record.errors, config.consecutive5xx)) found.push(['consecutive5xx', 'errors']);
  return found;
}

/** 0 = never. Another thread may have counted on in the same moment. */
function reached(errors: number, limit: number): boolean {
  return limit > 0 && errors >= limit;
}

/** Where statuses are named that fail, a response is an error of the host by them alone, and of no special kind. */
function judged({ errorStatuses }: OutlierDetection, status: number): number {
  if (errorStatuses === undefined) return status;
  return errorStatuses.includes(status) ? 500 : 200;
}

const NOTHING: readonly never[] = [];
const STATUS = { local: 503, timeout: 504, connected: 0, done: 200 } as const;

function countLocal(config: OutlierDetection, record: OutlierRecord, outcome: OutlierOutcome): readonly (readonly [OutlierFinding, Counter])[] {
  record.local.total++;
  if (outcome === 'connected' || outcome === 'done') {
    record.local.good++;
    record.localErrors = 0;
    return NOTHING;
  }
  return reached(++record.localErrors, config.consecutiveLocalOriginFailure) ? [['consecutiveLocalOriginFailure', 'localErrors']] : NOTHING;
}

interface Moment {
  readonly nowMs: number;
  /** Some interval ended then; ejections end with one. */
  readonly tickMs: number;
}

/** Envoy's names, behind `outlier_detection.ejections_enforced_`. */
const EVENT_NAMES: Readonly<Record<OutlierFinding, string>> = {
  consecutive5xx: 'consecutive_5xx',
  consecutiveGatewayFailure: 'consecutive_gateway_failure',
  consecutiveLocalOriginFailure: 'consecutive_local_origin_failure',
  successRate: 'success_rate',
  localSuccessRate: 'local_origin_success_rate',
  failurePercentage: 'failure_percentage',
  localFailurePercentage: 'local_origin_failure_percentage',
};

function createEjector(
  config: OutlierDetection,
  hosts: () => readonly Host[],
  random: () => number,
  { count = () => {}, onEjected, shared }: Omit<OutlierPorts, 'startMs'>,
) {
  const mayEject = (): boolean => {
    const all = hosts();
    const ejected = all.filter(isEjected).length;
    if (ejected === 0 && config.alwaysEjectOne) return true;
    return (100 * (ejected + 1)) / all.length <= config.maxEjectionPercent;
  };
  return {
    eject(host: Host, finding: OutlierFinding, { nowMs, tickMs }: Moment): boolean {
      const share = config.enforcing[finding];
      const named = EVENT_NAMES[finding];
      count(`outlier_detection.ejections_detected_${named}`);
      if (!mayEject()) {
        count('outlier_detection.ejections_overflow');
        return false;
      }
      if (share === 0 || (share < 100 && random() * 100 >= share)) return false;
      count('outlier_detection.ejections_enforced_total');
      count(`outlier_detection.ejections_enforced_${named}`);
      const record = recordOf(config, host, shared);
      record.ejected = true;
      const jitterMs = config.maxJitterMs === 0 ? 0 : Math.floor(random() * (config.maxJitterMs + 1));
      if (record.backOff * config.baseEjectionMs < config.maxEjectionMs + config.baseEjectionMs) record.backOff++;
      const endMs = nowMs + Math.min(config.baseEjectionMs * record.backOff, config.maxEjectionMs) + jitterMs;
      host.ejectedUntilMs = tickMs + Math.ceil((endMs - tickMs) / config.intervalMs) * config.intervalMs;
      onEjected?.(host, host.ejectedUntilMs - nowMs);
      return true;
    },
  };
}

function endEjection(host: Host, tickMs: number): void {
  const record = records.get(host);
  if (record?.ejected !== true || host.ejectedUntilMs > tickMs) return;
  record.ejected = false;
  record.endedMs = host.ejectedUntilMs;
  // Few new errors shall not be enough at once.
  record.errors = record.gatewayErrors = record.localErrors = 0;
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly intervalMs: number;
}

/** Each interval without an ejection makes the next one shorter again. */
function forgive(host: Host, { fromMs, toMs, intervalMs }: Span): void {
  const record = records.get(host);
  if (record === undefined || record.ejected || record.backOff === 0 || Number.isNaN(record.endedMs)) return;
  const first = Math.max(1, Math.ceil((record.endedMs + intervalMs - fromMs) / intervalMs));
  const intervals = Math.round((toMs - fromMs) / intervalMs);
  record.backOff = Math.max(0, record.backOff - Math.max(0, intervals - first + 1));
}
