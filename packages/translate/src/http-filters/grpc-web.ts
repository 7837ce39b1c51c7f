import { ANY_TYPE, EXTENSION_NAME, packAny } from '@meltemi/protos-types';
import type { HttpFilterDefinition } from './define.ts';

/** Makes gRPC of gRPC-Web, where a port speaks that; everything else passes. */
export const grpcWebFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.grpcWeb,
  applies: ({ grpcWeb }) => grpcWeb === true,
  build: () => ({ name: EXTENSION_NAME.grpcWeb, typed_config: packAny(ANY_TYPE.grpcWeb, {}) }),
};
