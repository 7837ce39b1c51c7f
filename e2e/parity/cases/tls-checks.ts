import { createHash, X509Certificate } from 'node:crypto';
import { defineCase } from '../define.ts';
import type { CaseContext } from '../harness/context.ts';
import { any, cluster, direct, hcm, http1, listener, serverTls, to, type Resources } from '../resources.ts';
import { http, push, tcp } from '../steps.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

function certificateHash(c: CaseContext, identity: string): string {
  return new X509Certificate(c.identity(identity).chain).fingerprint256;
}

function keyHash(c: CaseContext, identity: string): string {
  const key = new X509Certificate(c.identity(identity).chain).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/** A listener that holds clients against this, with the root or without it. */
function secured(c: CaseContext, validation: object): Resources {
  const chain = { transport_socket: serverTls(c, 'server', { mutual: true, validation }), filters: [hcm(c, [direct('ok')])] };
  return { listeners: [listener(c, [], { filter_chains: [chain] })] };
}

/** A cluster that holds its backend against this alone. */
function origination(c: CaseContext, validation_context: object): Resources {
  const transport_socket = {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('transport_sockets.tls.v3.UpstreamTlsContext', { common_tls_context: { validation_context } }),
  };
  return http1(c, [to(c, 'main')], {}, [cluster(c, 'main', { transport_socket })]);
}

const unvouched = { match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'server.test' } }] };
const trusted = (c: CaseContext): object => ({ trusted_ca: { inline_string: c.rootPem } });
const backend = (identity: string) => ({ main: { t: 'http1', replies: [{ body: 'main' }], tls: { identity } } }) as const;
const served = [http('/', { status: 200, body: 'main' })];
const refused = { steps: [http('/', { status: 503 })], log: [{ code: 503, flags: 'UF' }] };
const taken = http('/', { status: 200 }, { tls: { identity: 'client' } });
const turnedAway = (identity: string) => tcp(GET, { received: '', connection: 'ended' }, { tls: { identity } });

/** What a peer's certificate is held against besides its root. */
export const cases = [
  defineCase({
    name: 'only this certificate',
    resources: (c) => secured(c, { verify_certificate_hash: [certificateHash(c, 'client')] }),
    steps: [taken, turnedAway('guest')],
  }),
  defineCase({
    name: 'only this key, or that certificate',
    resources: (c) => secured(c, { verify_certificate_spki: [keyHash(c, 'client')], verify_certificate_hash: [certificateHash(c, 'other')] }),
    steps: [taken, http('/', { status: 200 }, { tls: { identity: 'other' } }), turnedAway('guest')],
  }),
  defineCase({
    name: 'only this certificate, whoever signed it',
    resources: (c) => secured(c, { trusted_ca: undefined, verify_certificate_hash: [certificateHash(c, 'stranger')] }),
    steps: [http('/', { status: 200 }, { tls: { identity: 'stranger' } }), turnedAway('client')],
  }),
  defineCase({
    name: 'the backend shows this certificate, whoever signed it',
    backends: backend('stranger'),
    resources: (c) => origination(c, { verify_certificate_hash: [certificateHash(c, 'stranger')] }),
    steps: served,
  }),
  defineCase({
    name: 'the backend shows another certificate than the one that is asked for',
    backends: backend('server'),
    resources: (c) => origination(c, { verify_certificate_hash: [certificateHash(c, 'other')] }),
    ...refused,
  }),
  defineCase({
    name: 'the backend shows this key, of a trusted root',
    backends: backend('server'),
    resources: (c) => origination(c, { ...trusted(c), verify_certificate_spki: [keyHash(c, 'server')] }),
    steps: served,
  }),
  defineCase({
    name: 'the older list of names is for names of every kind',
    backends: backend('server'),
    resources: (c) => origination(c, { ...trusted(c), match_subject_alt_names: [{ exact: 'spiffe://parity.test/ns/test/sa/server' }] }),
    steps: served,
  }),
  defineCase({
    name: 'the older list of names: none of them',
    backends: backend('server'),
    resources: (c) => origination(c, { ...trusted(c), match_subject_alt_names: [{ exact: 'spiffe://parity.test/ns/test/sa/other' }] }),
    ...refused,
  }),
  ...(['a.wild.test', 'A.WILD.test'] as const).map((exact) =>
    defineCase({
      name: `a star in a certificate stands for a label: ${exact}`,
      backends: backend('wildcard'),
      resources: (c) => origination(c, { ...trusted(c), match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact } }] }),
      steps: served,
    }),
  ),
  ...(['a.b.wild.test', 'wild.test', 'a.wild.test.'] as const).map((exact) =>
    defineCase({
      name: `a star in a certificate stands for one label: ${exact}`,
      backends: backend('wildcard'),
      resources: (c) => origination(c, { ...trusted(c), match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact } }] }),
      ...refused,
    }),
  ),
  defineCase({
    name: 'names without a root to vouch for them are refused',
    resources: (c) => http1(c, [direct('before')]),
    steps: [push((c) => ({ clusters: origination(c, unvouched).clusters ?? [] }), { verdict: 'nack' }), http('/', { status: 200, body: 'before' })],
    log: 'not compared',
  }),
];
