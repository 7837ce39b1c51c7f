import { defineFilter, type FilterKind } from './define.ts';

/** A place where an operator may listen (`envoy.filters.http.tap`): it does nothing until somebody asks `/tap` for its name. */
export interface TapPlace {
  readonly configId: string;
}

/** Taps are opened at the admin port; what a configuration itself would write somewhere is refused. */
export const tapFilter: FilterKind = defineFilter<TapPlace, never>({
  t: 'tap',
  types: ['envoy.extensions.filters.http.tap.v3.Tap'],
  overrideTypes: [],
  decode(reader) {
    const common = reader.message('common_config');
    reader.require('common_config', common !== undefined, 'missing');
    const admin = common?.message('admin_config');
    common?.require('admin_config', admin !== undefined, 'only taps that are opened at the admin port are supported by this proxy');
    const configId = admin?.string('config_id') ?? '';
    admin?.require('config_id', configId !== '', 'missing');
    for (const field of ['record_headers_received_time', 'record_downstream_connection', 'record_upstream_connection'] as const)
      reader.require(field, !reader.bool(field), 'not supported by this proxy');
    return { configId };
  },
  // The tap looks on from beside the chain.
  compile: () => undefined,
});
