import type { Appender } from './context.ts';
import { healthAppender } from './health.ts';
import { istioAppender } from './istio.ts';
import {
  deadNodeAppender,
  idleNodeAppender,
  labelerAppender,
  meshCheckAppender,
  outsiderAppender,
  serviceEntryAppender,
  trafficGeneratorAppender,
  workloadEntryAppender,
} from './nodes.ts';
import { responseTimeAppender } from './response-time.ts';
import { securityPolicyAppender } from './security-policy.ts';
import { throughputAppender } from './throughput.ts';

/** Every appender; list order is the order they run in. Those that read edges by their ids run before nodes are merged. */
export const APPENDERS: readonly Appender[] = [
  responseTimeAppender,
  securityPolicyAppender,
  throughputAppender,
  serviceEntryAppender,
  deadNodeAppender,
  workloadEntryAppender,
  idleNodeAppender,
  meshCheckAppender,
  outsiderAppender,
  istioAppender,
  labelerAppender,
  healthAppender,
  trafficGeneratorAppender,
];
