import type { MethodHandler } from '@meltemi/grpc';
import type { Route } from '@meltemi/http';
import { type Authority, openAuthority } from './authority.ts';
import { certificateService, CREATE_CERTIFICATE, type CaObserver, type MessageCodec } from './certificate-service.ts';
import { joinRoute } from './join-route.ts';
import type { MembershipInputs } from './membership.ts';
import { createJoinTokens } from './join-tokens.ts';
import { type ServerCertificate, startServerCertificate } from './server-certificate.ts';
import type { AuthorityOptions, WorkloadAllocator } from './types.ts';

/** What the authority's room needs from the rest of the control plane. */
export interface CaDeps extends AuthorityOptions {
  readonly allocator: WorkloadAllocator;
  /** Objects and settings of the mesh as they are now. */
  readonly configuration: () => MembershipInputs;
  readonly codec: MessageCodec;
  readonly observer?: CaObserver;
  /** How the control plane is reached, for clients that check names: `istiod.istio-system.svc` and `localhost` are always there. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** The certificate authority with its doors. */
export interface CaRoom {
  readonly authority: Authority;
  /** The control plane's own certificate: give `current()` to the mTLS server and swap on `onChange`. */
  readonly serverCertificate: ServerCertificate;
  /** For the gRPC server on 15012 (client certificates requested). */
  readonly grpcHandlers: Readonly<Record<string, MethodHandler>>;
  /** `POST /meltemi/v1/join`. */
  readonly routes: readonly Route[];
  close(): void;
}

const OWN_NAMES = ['istiod.istio-system.svc', 'istiod.istio-system.svc.cluster.local', 'localhost'];

/** Opens the authority and makes its gRPC handler and its route. Throws `ca/…`. */
export async function createCa(deps: CaDeps): Promise<CaRoom> {
  const authority = await openAuthority(deps);
  const tokens = createJoinTokens(deps.clock);
  const serverCertificate = await startServerCertificate({
    ...deps,
    authority,
    dnsNames: [...new Set([...OWN_NAMES, ...(deps.dnsNames ?? [])])],
    ipAddresses: [...new Set(['127.0.0.1', ...(deps.ipAddresses ?? [])])],
  });
  return {
    authority,
    serverCertificate,
    grpcHandlers: { [CREATE_CERTIFICATE]: certificateService({ ...deps, authority, tokens }) },
    routes: [joinRoute(authority, tokens, deps.allocator, deps.configuration)],
    close() {
      serverCertificate.close();
      authority.close();
    },
  };
}

export { openAuthority, type Authority } from './authority.ts';
export { CREATE_CERTIFICATE, type CaObserver, type MessageCodec } from './certificate-service.ts';
export type { ServerCertificate, ServerSecret } from './server-certificate.ts';
export type { AuthorityOptions, WorkloadAllocator } from './types.ts';
