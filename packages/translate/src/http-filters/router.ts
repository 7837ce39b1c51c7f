import { ANY_TYPE, EXTENSION_NAME, packAny } from '@meltemi/protos-types';
import type { HttpFilterDefinition } from './define.ts';

/** Sends the request on. Always there, always last. */
export const routerFilter: HttpFilterDefinition = {
  name: EXTENSION_NAME.router,
  applies: () => true,
  build: () => ({ name: EXTENSION_NAME.router, typed_config: packAny(ANY_TYPE.router, {}) }),
};
