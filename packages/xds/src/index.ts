export { createDeltaClient, type DeltaClient, type DeltaClientOptions, type Rejection, type Update } from './delta-client.ts';
export { createServerSession } from './server-session.ts';
export { type Protocol, type ServerSession, type ServerSessionOptions, type TypeStatus, type Verdict } from './session-types.ts';
export {
  decodeDeltaRequest,
  decodeDeltaResponse,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeDeltaResponse,
  encodeSotwRequest,
  encodeSotwResponse,
  nodeOfRequest,
  type DeltaRequest,
  type DeltaResponse,
  type SotwRequest,
  type SotwResponse,
} from './messages.ts';
export { DIGEST_FEATURE, DIGEST_TYPE_URL, digestOf, readUnequal } from './digest.ts';
export { expand, type Decompress } from './expand.ts';
export { PATCH_FEATURE } from './patch.ts';
export { createResource, createSharedResource, type Resource, type ResourceSource } from './resource.ts';
export { ZSTD_FEATURE, type Compress } from './response-parts.ts';
export { createRequestMemory, type RequestMemory } from './request-memory.ts';
export { isByName } from './types.ts';
