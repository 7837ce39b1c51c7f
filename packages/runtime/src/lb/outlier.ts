import type { Host } from '../compiled.ts';
import type { OutlierDetection } from '../types/cluster.ts';

interface Record {
  errors: number;
  gatewayErrors: number;
  localErrors: number;
  /** How often it was ejected, less one per quiet interval since. */
  ejections: number;
  lastEndMs: number;
}

/** Passive health checking by consecutive failures. Pure: times come in, ejections are written into `host.ejectedUntilMs`. */
export interface OutlierDetector {
  /** True when the host was ejected just now. `hosts` are all of the cluster. */
  report(host: Host, outcome: number | 'local', hosts: readonly Host[], nowMs: number): boolean;
}

/** What is known of hosts belongs to them: it survives an update of their cluster, as they do. */
const records = new WeakMap<Host, Record>();

export function createOutlierDetector(config: OutlierDetection): OutlierDetector {
  return {
    report(host, outcome, hosts, nowMs) {
      let record = records.get(host);
      if (record === undefined) records.set(host, (record = { errors: 0, gatewayErrors: 0, localErrors: 0, ejections: 0, lastEndMs: 0 }));
      if (!count(config, record, outcome)) return false;
      if (host.ejectedUntilMs > nowMs || !mayEject(config, hosts, nowMs)) return false;
      eject(config, record, host, nowMs);
      return true;
    },
  };
}

type Counter = 'errors' | 'gatewayErrors' | 'localErrors';

/**
 * Counts one outcome; true when a threshold is reached. The count then begins anew, also when the host may not be ejected just now: else it
 * would be past the threshold for ever. Without the split a local failure counts as a gateway's 5xx.
 */
function count(config: OutlierDetection, record: Record, outcome: number | 'local'): boolean {
  if (outcome === 'local' && config.splitLocalOrigin) return reaches(record, 'localErrors', config.consecutiveLocalOriginFailure);
  const status = outcome === 'local' ? 503 : outcome;
  record.localErrors = 0;
  if (status < 500) {
    record.errors = record.gatewayErrors = 0;
    return false;
  }
  if (status < 502 || status > 504) {
    record.gatewayErrors = 0;
    return reaches(record, 'errors', config.consecutive5xx);
  }
  const byGateway = reaches(record, 'gatewayErrors', config.consecutiveGatewayFailure);
  return reaches(record, 'errors', config.consecutive5xx) || byGateway;
}

/** One more; a threshold of 0 is never reached. */
function reaches(record: Record, counter: Counter, threshold: number): boolean {
  if (++record[counter] < threshold || threshold === 0) return false;
  record[counter] = 0;
  return true;
}

function mayEject(config: OutlierDetection, hosts: readonly Host[], nowMs: number): boolean {
  const ejected = hosts.filter((host) => host.ejectedUntilMs > nowMs).length;
  if (ejected === 0 && config.alwaysEjectOne) return true;
  return ((ejected + 1) / hosts.length) * 100 <= config.maxEjectionPercent;
}

function eject(config: OutlierDetection, record: Record, host: Host, nowMs: number): void {
  const quiet = record.lastEndMs === 0 ? 0 : Math.floor((nowMs - record.lastEndMs) / config.intervalMs);
  record.ejections = Math.max(0, record.ejections - quiet) + 1;
  record.errors = record.gatewayErrors = record.localErrors = 0;
  const lastsMs = Math.min(config.baseEjectionMs * record.ejections, config.maxEjectionMs);
  host.ejectedUntilMs = record.lastEndMs = nowMs + lastsMs;
}
