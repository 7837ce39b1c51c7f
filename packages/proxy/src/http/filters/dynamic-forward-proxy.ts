import type { DynamicQuestion, FilterReply } from '@meltemi/runtime';
import { nameCache } from '../../dns/caches.ts';
import type { NameAnswer } from '../../dns/dns-cache.ts';
import { nameOf } from '../../pool/dial-target.ts';
import type { Exchange } from '../exchange.ts';
import { withDestination } from '../host-choice.ts';
import { defineHalf, type FilterHalf } from './half.ts';

/** Looks up the host that a request names, for the choice of its host. */
export const dynamicForwardProxyHalf: FilterHalf = defineHalf<DynamicQuestion>({
  t: 'dynamic-forward-proxy',
  ask({ cache, name }, call) {
    const { x } = call;
    // Requests to other clusters are none of its business.
    if (x.cluster?.config.discovery.t !== 'dynamic') {
      call.done(undefined);
      return undefined;
    }
    const authority = name === '' ? x.viewAuthority : name;
    const hostname = nameOf(authority);
    const edits = name === '' ? {} : { request: [{ name: 'host', action: 'overwrite' as const, value: name }] };
    return nameCache(x.worker, cache).load(hostname, (answer) => {
      if (answer.t !== 'address') {
        call.done({ ...edits, reply: failure(answer) });
        return;
      }
      withDestination(x, { address: answer.address, port: portOf(x, authority) }, hostname);
      call.done(edits);
    });
  },
});

function failure(answer: Exclude<NameAnswer, { t: 'address' }>): FilterReply {
  if (answer.t === 'failed') return { status: 503, body: 'DNS resolution failure', flag: 'DF', details: `dns_resolution_failure{${answer.reason}}` };
  return answer.of === 'names'
    ? { status: 503, body: 'DNS cache overflow', flag: '', details: 'dns_cache_overflow' }
    : {
        status: 503,
        body: 'Dynamic forward proxy pending request overflow',
        flag: '',
        details: 'dynamic_forward_proxy_pending_request_overflow',
      };
}

/** The port that the request names, else that of what is spoken to the cluster. */
function portOf({ cluster }: Exchange, authority: string): number {
  const [, port] = /:(\d{1,5})$/.exec(authority.startsWith('[') ? authority : authority.replace(/^[^:]*:.*:[^:]*$/, '')) ?? [];
  const named = Number(port ?? 0);
  if (named > 0 && named <= 65_535) return named;
  return cluster?.config.transport.t === 'tls' ? 443 : 80;
}
