export { createDeltaClient, type DeltaClient, type DeltaClientOptions, type Rejection, type Update } from './delta-client.ts';
export {
  decodeDeltaRequest,
  decodeDeltaResponse,
  decodeSotwRequest,
  encodeDeltaRequest,
  encodeDeltaResponse,
  encodeSotwResponse,
} from './encode-messages.ts';
export type { DeltaRequest, DeltaResponse, SotwRequest, SotwResponse } from './messages.ts';
export type { Resource, ResourceSource } from './resource.ts';
export { createServerSession, type Protocol, type ServerSession, type ServerSessionOptions, type TypeStatus, type Verdict } from './server-session.ts';
