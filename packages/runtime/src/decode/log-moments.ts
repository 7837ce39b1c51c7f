import type { LogMoments } from '../types/access-log.ts';
import type { Reader } from './reader.ts';

/** When there are lines beside the last one. Two of the settings have an older place beside `access_log_options`. */
export function decodeLogMoments(reader: Reader, beginField: string): { readonly logMoments?: LogMoments } {
  const options = reader.message('access_log_options');
  const moments: LogMoments = {
    begin: older(reader, options, beginField).bool(beginField),
    tunnel: options?.bool('flush_log_on_tunnel_successfully_established') ?? false,
    everyMs: older(reader, options, 'access_log_flush_interval').duration('access_log_flush_interval', 0),
  };
  return moments.begin || moments.tunnel || moments.everyMs > 0 ? { logMoments: moments } : {};
}

function older(reader: Reader, options: Reader | undefined, field: string): Reader {
  reader.require(field, options === undefined || !reader.has(field), 'it goes with access_log_options, and may not stand beside it');
  return options ?? reader;
}
