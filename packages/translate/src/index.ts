export { HTTP_FILTERS } from './http-filters/index.ts';
export type { FilterPlace, HttpFilterDefinition } from './http-filters/define.ts';
export type { ResourceCheck } from './envoy-filter/index.ts';
export { AGENT_CLUSTER, outboundCluster, parseOutboundCluster } from './common/names.ts';
export { changedForOwn, changedTypes, OWN_TYPES, type ChangedTypes } from './changed-types.ts';
export { createTranslator, NAME_TABLE } from './translator.ts';
export type { GeneratedResource, MeshState, Translator } from './types.ts';
