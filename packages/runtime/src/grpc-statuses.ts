import { GRPC_STATUSES as NAMES } from '@meltemi/match';

/** Names of gRPC's statuses by number, as Envoy writes them: with one L where gRPC has two. */
export const GRPC_STATUSES: readonly string[] = NAMES.map((name) => (name === 'CANCELLED' ? 'CANCELED' : name));
