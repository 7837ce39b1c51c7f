import { ENVOY_GRPC_STATUSES } from '../grpc-statuses.ts';
import type { AccessLogFilter } from '../types/access-log.ts';
import { decodeMetadataMatch } from './metadata-match.ts';
import type { Reader } from './reader.ts';
import { decodeHeaderMatch } from './route-match.ts';

const DENOMINATORS = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

type Decoder = (reader: Reader) => AccessLogFilter | undefined;

const FILTERS: Readonly<Record<string, Decoder>> = {
  status_code_filter: (reader) => ({ t: 'status-code', ...comparison(reader) }),
  duration_filter(reader) {
    const { op, value } = comparison(reader);
    return { t: 'duration', op, valueMs: value };
  },
  response_flag_filter: (reader) => ({ t: 'response-flag', flags: reader.strings('flags') }),
  not_health_check_filter: () => ({ t: 'not-health-check' }),
  traceable_filter: () => ({ t: 'traceable' }),
  runtime_filter(reader) {
    // There is no runtime layer: what stands here is the share.
    reader.harmless('runtime_key');
    return { t: 'share', ...fraction(reader.message('percent_sampled')), independent: reader.bool('use_independent_randomness') };
  },
  header_filter(reader) {
    const header = reader.message('header');
    if (header === undefined) reader.fail('header', 'missing');
    return header === undefined ? undefined : { t: 'header', match: decodeHeaderMatch(header) };
  },
  grpc_status_filter: (reader) => ({
    t: 'grpc-status',
    statuses: reader.strings('statuses').map((name, index) => {
      const status = ENVOY_GRPC_STATUSES.indexOf(name);
      reader.require(`statuses[${index}]`, status >= 0, `"${name}" is no status of gRPC`);
      return status;
    }),
    exclude: reader.bool('exclude'),
  }),
  metadata_filter(reader) {
    const matcher = reader.message('matcher');
    if (matcher === undefined) reader.fail('matcher', 'missing');
    matcher?.require('invert', !matcher.bool('invert'), 'Envoy takes no notice of it in a log filter; neither may a user count on it');
    return matcher === undefined
      ? undefined
      : { t: 'metadata', match: { ...decodeMetadataMatch(matcher), invert: false }, otherwise: reader.bool('match_if_key_not_found', true) };
  },
  log_type_filter: (reader) => ({ t: 'log-type', types: reader.strings('types'), exclude: reader.bool('exclude') }),
  and_filter: (reader) => ({ t: 'and', filters: group(reader) }),
  or_filter: (reader) => ({ t: 'or', filters: group(reader) }),
};

/** An `AccessLogFilter`; undefined when it is none that this proxy knows (which is told). */
export function decodeFilter(reader: Reader): AccessLogFilter | undefined {
  for (const [name, decode] of Object.entries(FILTERS)) {
    const inner = reader.message(name);
    if (inner !== undefined) return decode(inner);
  }
  if (reader.unread().length === 0) reader.fail('', 'no filter is set');
  return undefined;
}

function group(reader: Reader): readonly AccessLogFilter[] {
  return reader
    .messages('filters')
    .map(decodeFilter)
    .filter((filter) => filter !== undefined);
}

/** `type.v3.FractionalPercent`; nothing said is none. */
export function fraction(reader: Reader | undefined): { readonly numerator: number; readonly denominator: number } {
  const denominator = reader?.oneOf('denominator', DENOMINATORS, 100) ?? 100;
  return { numerator: reader?.number('numerator', 0) ?? 0, denominator };
}

function comparison(reader: Reader): { op: 'eq' | 'ge' | 'le'; value: number } {
  const inner = reader.message('comparison');
  const op = inner?.oneOf<'eq' | 'ge' | 'le'>('op', { EQ: 'eq', GE: 'ge', LE: 'le' }, 'eq') ?? 'eq';
  const value = inner?.message('value');
  // There is no runtime layer: the default is the value.
  value?.harmless('runtime_key');
  return { op, value: value?.number('default_value', 0) ?? 0 };
}
