import type { AccessLogType } from '@meltemi/runtime';
import { logMoment } from '../access-log/log-moment.ts';
import { createDeadline } from '../core/timer-wheel.ts';
import type { Exchange } from './exchange.ts';

/** The request has come, and its route is known. */
export function logBegin(x: Exchange): void {
  const { logMoments } = x.plan.config;
  if (logMoments === undefined) return;
  if (logMoments.begin) log(x, 'DownstreamStart');
  if (logMoments.everyMs > 0 && x.logTurn === undefined) {
    x.logTurn = createDeadline(() => x.onLogTurn());
    wait(x, logMoments.everyMs);
  }
}

/** The upstream has agreed to a tunnel. */
export function logTunnel(x: Exchange): void {
  if (x.plan.config.logMoments?.tunnel === true) log(x, 'DownstreamTunnelSuccessfullyEstablished');
}

/** Another line of an exchange that goes on. */
export function logTurn(x: Exchange): void {
  const everyMs = x.plan.config.logMoments?.everyMs ?? 0;
  if (x.phase === 'done' || everyMs === 0) return;
  log(x, 'DownstreamPeriodic');
  wait(x, everyMs);
}

function wait({ logTurn: turn, worker }: Exchange, ms: number): void {
  if (turn !== undefined) worker.wheel.set(turn, worker.wheel.now(), ms);
}

function log(x: Exchange, type: AccessLogType): void {
  const { worker, info } = x;
  if (x.upgrade === '' || x.phase !== 'tunnel') info.bytesReceived = x.downstream.receivedBytes;
  logMoment(worker.accessLog, x.plan.logs, info, { type, now: worker.wheel.now() });
}
