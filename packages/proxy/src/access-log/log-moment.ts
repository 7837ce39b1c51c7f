import type { AccessLogType } from '@meltemi/runtime';
import type { StreamInfo } from '../types.ts';
import type { AccessLogger } from './access-logger.ts';
import type { CompiledLog } from './compile-log.ts';

const ENDS: ReadonlySet<AccessLogType> = new Set<AccessLogType>(['NotSet', 'DownstreamEnd', 'TcpConnectionEnd']);

/** Is what is logged over? */
export function isLast({ logType }: StreamInfo): boolean {
  return ENDS.has(logType);
}

/** Logs what is known of a stream that goes on. */
export function logMoment(
  logger: AccessLogger,
  logs: readonly CompiledLog[],
  info: StreamInfo,
  moment: { readonly type: AccessLogType; readonly now: number },
): void {
  if (logs.length === 0) return;
  const { logType } = info;
  info.logType = moment.type;
  info.endMs = moment.now;
  logger.log(logs, info);
  info.logType = logType;
  info.endMs = 0;
}
