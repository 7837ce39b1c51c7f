import type { Scenario } from '../scenario.ts';
import { scenarios as edges } from './edges.ts';
import { scenarios as resilience } from './resilience.ts';
import { scenarios as routing } from './routing.ts';

/** Every guide, in the order in which they are read. */
export const SCENARIOS: readonly Scenario[] = [...routing, ...resilience, ...edges];
