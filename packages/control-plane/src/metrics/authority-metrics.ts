import type { Clock } from '@meltemi/base';
import { parseCertificates } from '@meltemi/pki';
import type { MetricRegistry } from '@meltemi/telemetry';
import type { CaObserver } from '../ca/index.ts';

/** The authority's certificates as they are now, PEM. */
export interface AuthorityFacts {
  readonly roots: string;
  /** The control plane's own chain, leaf first. */
  readonly chain: string;
}

const HELP = {
  citadel_server_csr_count: 'Certificate requests.',
  citadel_server_success_cert_issuance_count: 'Certificates issued.',
  citadel_server_csr_parsing_err_count: 'Certificate requests that could not be read.',
  citadel_server_authentication_failure_count: 'Certificate requests without a good token or certificate.',
  citadel_server_id_extraction_err_count: 'Certificates shown by callers that name no workload of the mesh.',
  citadel_server_csr_sign_err_count: 'Certificates that could not be made.',
  citadel_server_root_cert_expiry_timestamp: 'When the first root ends, in seconds since 1970.',
  citadel_server_root_cert_expiry_seconds: 'Seconds until the first root ends.',
  citadel_server_cert_chain_expiry_timestamp: 'When the first certificate of the own chain ends, in seconds since 1970.',
  citadel_server_cert_chain_expiry_seconds: 'Seconds until the first certificate of the own chain ends.',
} as const;

/** Istio's metrics of the certificate authority. */
export function createAuthorityMetrics(
  registry: MetricRegistry,
  clock: Clock,
): { readonly observer: CaObserver; setFacts(facts: AuthorityFacts): void } {
  for (const [name, help] of Object.entries(HELP)) registry.describe(name, help);
  const counter = (name: keyof typeof HELP) => registry.counter(name, {}, 0);
  const gauge = (name: keyof typeof HELP) => registry.gauge(name, {}, 0);
  const [requests, issued] = [counter('citadel_server_csr_count'), counter('citadel_server_success_cert_issuance_count')];
  const failures = {
    request: counter('citadel_server_csr_parsing_err_count'),
    authentication: counter('citadel_server_authentication_failure_count'),
    identity: counter('citadel_server_id_extraction_err_count'),
    signing: counter('citadel_server_csr_sign_err_count'),
  };
  const expiries = [
    { of: 'roots', at: gauge('citadel_server_root_cert_expiry_timestamp'), left: gauge('citadel_server_root_cert_expiry_seconds') },
    { of: 'chain', at: gauge('citadel_server_cert_chain_expiry_timestamp'), left: gauge('citadel_server_cert_chain_expiry_seconds') },
  ] as const;
  return {
    observer: {
      requested: () => void requests.value++,
      issued: () => void issued.value++,
      failed: (step) => void failures[step].value++,
    },
    setFacts(facts) {
      for (const { of, at, left } of expiries) {
        const ends = parseCertificates(facts[of]).map(({ notAfterMs }) => notAfterMs);
        at.value = Math.floor(Math.min(...ends) / 1000);
        left.value = at.value - Math.floor(clock.now() / 1000);
      }
    },
  };
}
