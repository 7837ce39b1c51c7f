export { MeshError } from './error.ts';
export { hashBytes, hashText } from './hash.ts';
export { LayeredMap } from './layered-map.ts';
export { silentLog, type Clock, type Log, type Random, type Timer, type Timers } from './ports.ts';
export { formatOrigin, formatProblem, shownKind, type Fix, type ObjectRef, type Origin, type Problem, type Severity } from './problem.ts';
export { ProtoReader, WireType } from './protobuf-reader.ts';
export { ProtoWriter, varintSize } from './protobuf-writer.ts';
export { pushAll } from './push-all.ts';
export { readUtf8, utf8Length, writeUtf8 } from './utf8.ts';
