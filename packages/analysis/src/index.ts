export { analyze, createAnalysis, review, type Analysis, type AnalysisInputs } from './analyze.ts';
export { CODES, type AnalysisCode, type CodeDefinition } from './codes.ts';
