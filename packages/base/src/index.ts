export { MeshError } from './error.ts';
export { silentLog, type Clock, type Log, type Random, type Timer, type Timers } from './ports.ts';
export { formatOrigin, formatProblem, type Fix, type ObjectRef, type Origin, type Problem, type Severity } from './problem.ts';
