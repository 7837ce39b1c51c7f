export type { FilterInput, FilterOverride, FilterOverrides, FilterReply, FilterVerdict, HttpFilter } from './types.ts';
