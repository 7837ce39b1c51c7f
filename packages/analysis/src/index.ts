export { analyze, analyzeObject, review, type AnalysisInputs } from './analyze.ts';
export { CODES, type AnalysisCode, type CodeDefinition } from './codes.ts';
