import { type Clock, MeshError } from '@meltemi/base';
import { type MethodHandler, type ServerCall, unaryMethod } from '@meltemi/grpc';
import { type CryptoPort, formatSpiffeId, parseSpiffeId, type SpiffeId, verifyCsr } from '@meltemi/pki';
import type { Authority } from './authority.ts';
import { CONTROL_PLANE_ACCOUNT } from './join-route.ts';
import type { JoinTokens } from './join-tokens.ts';
import { createRateLimits } from './rate-limits.ts';

/** gRPC path of Istio's certificate service. */
export const CREATE_CERTIFICATE = '/istio.v1.auth.IstioCertificateService/CreateCertificate';

/** Encodes and decodes protobuf messages by name (`@meltemi/protos`). */
export interface MessageCodec {
  encode(typeName: string, json: object): Uint8Array;
  decode(typeName: string, bytes: Uint8Array): unknown;
}

export interface CertificateServiceDeps {
  readonly authority: Authority;
  readonly tokens: JoinTokens;
  readonly codec: MessageCodec;
  readonly clock: Clock;
  readonly observer?: CaObserver;
}

/** The step at which a request failed: it could not be read, did not prove who asks, was proved by a certificate of nobody here, or no certificate could be made. */
export type CaStep = 'request' | 'authentication' | 'identity' | 'signing';

/** Told of requests for certificates, for metrics. */
export interface CaObserver {
  requested(): void;
  issued(): void;
  failed(step: CaStep): void;
}

const MAX_CSR_CHARS = 16 * 1024;
/** Failed attempts of one address (or identity, once it is proved), then it waits; and certificates of one identity, far above what renewal needs. */
const LIMITS = { failuresPerMinute: 30, certificatesPerMinute: 600 } as const;

/**
 * `CreateCertificate`: a certificate for the identity that the caller has proved, by a join token (`authorization: Bearer …`, used up) or
 * by its current client certificate (the same identity again). What the request itself asks to be named is never believed.
 */
export function certificateService(deps: CertificateServiceDeps, crypto: CryptoPort = globalThis.crypto): MethodHandler {
  const failures = createRateLimits(deps.clock, LIMITS.failuresPerMinute);
  const issues = createRateLimits(deps.clock, LIMITS.certificatesPerMinute);
  return unaryMethod(async (request, call) => {
    const { address, principal } = call.peer;
    const { observer } = deps;
    observer?.requested();
    // Who has shown a certificate is counted as itself: a neighbour at the same address must not keep it from renewing.
    const caller = principal ?? address;
    if (!failures.allows(caller)) throw refusal('resource-exhausted', `Too many failed certificate requests from ${caller}; wait a minute.`);
    let step: CaStep = 'request';
    try {
      const answer = await createCertificate({ ...deps, crypto, issues, begin: (next) => (step = next) }, request, call);
      observer?.issued();
      return answer;
    } catch (error) {
      observer?.failed(step);
      const known = MeshError.from(error, 'grpc/internal');
      if (known.code !== 'grpc/resource-exhausted') failures.count(caller);
      deps.authority.audit({ action: 'refuse', identity: principal ?? '', remote: address, reason: known.message });
      throw known.code.startsWith('grpc/') ? known : refusal('invalid-argument', known.message, error);
    }
  });
}

interface Issuing extends CertificateServiceDeps {
  readonly crypto: CryptoPort;
  readonly issues: ReturnType<typeof createRateLimits>;
  /** Called before each step. */
  readonly begin: (step: CaStep) => void;
}

async function createCertificate(deps: Issuing, request: Uint8Array, call: ServerCall): Promise<Uint8Array> {
  const { crypto, issues } = deps;
  const { csr, ttlMs } = readRequest(deps.codec, request);
  // The request is verified before the token is used up: a broken one costs the workload nothing.
  const { spki } = await verifyCsr(crypto, csr);
  deps.begin('authentication');
  const { id, action } = attest(deps, call);
  const identity = formatSpiffeId(id);
  if (!issues.allows(identity)) throw refusal('resource-exhausted', `Too many certificates for ${identity} within a minute.`);
  issues.count(identity);
  deps.begin('signing');
  const issued = await deps.authority.issue({ spki, id, ...(ttlMs === undefined ? {} : { ttlMs }) });
  deps.authority.audit({ action, identity, remote: call.peer.address, serial: issued.certificate.serial, notAfterMs: issued.certificate.notAfterMs });
  return deps.codec.encode('istio.v1.auth.IstioCertificateResponse', { cert_chain: [...issued.chain, deps.authority.rootsPem()] });
}

function readRequest(codec: MessageCodec, bytes: Uint8Array): { csr: string; ttlMs: number | undefined } {
  const message = codec.decode('istio.v1.auth.IstioCertificateRequest', bytes) as { csr?: string; validity_duration?: string | number };
  const csr = message.csr ?? '';
  if (csr === '' || csr.length > MAX_CSR_CHARS)
    throw refusal('invalid-argument', `The certificate request has ${csr.length} characters; 1 to ${MAX_CSR_CHARS} are expected.`);
  const seconds = Number(message.validity_duration ?? 0);
  if (seconds < 0) throw refusal('invalid-argument', `A certificate cannot be valid for ${seconds} s.`);
  return { csr, ttlMs: seconds === 0 ? undefined : seconds * 1000 };
}

function attest(deps: Issuing, call: ServerCall): { id: SpiffeId; action: 'issue' | 'renew' } {
  const authorization = call.metadata['authorization'];
  if (authorization !== undefined) {
    const token = /^Bearer ([\w-]{1,512})$/.exec(authorization)?.[1];
    const id = token === undefined ? undefined : deps.tokens.redeem(token);
    if (id === undefined)
      throw refusal('unauthenticated', 'The join token is unknown, used already or older than 5 minutes; run the join again to get a new one.');
    return { id, action: 'issue' };
  }
  const { principal } = call.peer;
  if (principal === undefined) throw refusal('unauthenticated', 'Neither a join token nor a client certificate of the mesh was shown.');
  deps.begin('identity');
  const id = parseSpiffeId(principal);
  if (id === undefined) throw refusal('unauthenticated', `The certificate that was shown names no workload: ${principal}`);
  deps.begin('authentication');
  if (id.trustDomain !== deps.authority.trustDomain)
    throw refusal('permission-denied', `${principal ?? ''} is not of trust domain ${deps.authority.trustDomain}.`);
  if (id.namespace === CONTROL_PLANE_ACCOUNT.namespace && id.serviceAccount === CONTROL_PLANE_ACCOUNT.serviceAccount)
    throw refusal('permission-denied', 'The control plane does not renew its certificate here.');
  return { id, action: 'renew' };
}

function refusal(status: string, message: string, cause?: unknown): MeshError {
  return new MeshError(`grpc/${status}`, message, cause === undefined ? {} : { cause });
}
