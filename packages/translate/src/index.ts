export type { GeneratedResource, ResourceNames, Translator } from './types.ts';
