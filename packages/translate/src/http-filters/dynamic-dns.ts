import { ANY_TYPE, EXTENSION_NAME, packAny } from '@meltemi/protos-types';
import { DNS_CACHE } from '../common/dynamic-dns.ts';
import type { HttpFilterDefinition } from './define.ts';

/** Looks up the host of a request whose cluster has no endpoints of its own; all others pass. */
export const dynamicDnsFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.dynamicForwardProxy,
  applies: ({ place, byName }) => place !== 'sidecar-inbound' && byName === true,
  build: () => ({ name: EXTENSION_NAME.dynamicForwardProxy, typed_config: packAny(ANY_TYPE.dynamicForwardProxy, { dns_cache_config: DNS_CACHE }) }),
};
