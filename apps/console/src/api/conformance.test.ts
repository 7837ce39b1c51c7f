import type {
  AppHealthJson,
  EdgeJson,
  GraphJson,
  NodeJson,
  ServiceHealthJson,
  TlsJson,
  ValidationJson,
  WorkloadHealthJson,
} from '@meltemi/console-api';
import { it } from 'node:test';
import type { EdgeData, GraphResponse, HealthData, NodeData, TlsStatus, Validation } from './kiali.ts';

/** Compiles only while what our server writes is what this console reads. */
type Reads<Written extends Read, Read> = Written;
export type Conformance = [
  Reads<Omit<NodeJson, 'nodeType'>, Omit<NodeData, 'nodeType'>>,
  Reads<EdgeJson, EdgeData>,
  Reads<Omit<GraphJson, 'elements' | 'graphType'>, Omit<GraphResponse, 'elements' | 'graphType'>>,
  Reads<AppHealthJson, HealthData>,
  Reads<WorkloadHealthJson, HealthData>,
  Reads<ServiceHealthJson, HealthData>,
  Reads<TlsJson, TlsStatus>,
  Reads<ValidationJson, Validation>,
];

it('reads what the server writes (proved by the compiler)', () => {});
