export { compileRegex, regexFault, substitutionFault, type Regex } from './regex.ts';
export { compileStringMatch, type StringMatch } from './string-match.ts';
export { createHostIndex, hostMatches, hostsOverlap, isShortName, resolveHost, type HostIndex } from './hosts.ts';
export { labelsMatch } from './labels.ts';
export { FORMAT_OPERATORS } from './format-operators.ts';
export { GRPC_RETRY_CONDITIONS, HTTP_RETRY_CONDITIONS, type RetryCondition } from './retry-conditions.ts';
export { parseFormat, type FormatPart, type ParsedFormat } from './format.ts';
export { GRPC_STATUSES } from './grpc-statuses.ts';
