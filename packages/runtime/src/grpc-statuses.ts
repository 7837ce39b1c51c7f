import { GRPC_STATUSES } from '@meltemi/match';

/** Names of gRPC's statuses by number, as Envoy writes them: with one L where gRPC has two. */
export const ENVOY_GRPC_STATUSES: readonly string[] = GRPC_STATUSES.map((name) => (name === 'CANCELLED' ? 'CANCELED' : name));
