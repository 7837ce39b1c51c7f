import type { Origin, Problem } from '@meltemi/base';
import { LineCounter, parseAllDocuments, type Document, type YAMLError } from 'yaml';
import type { Config } from '../config.ts';
import { parsePath, type Path } from '../path.ts';
import { duplicateProblem, identityOf } from './duplicates.ts';
import { errorAt } from './finding.ts';
import { misplacedEdit } from './misplaced.ts';
import { decodeParsed, isMapping } from './object.ts';
import { placeOf, toPlace, type YamlSource } from './places.ts';
import { syntaxFaults } from './syntax.ts';
import { toProblem } from './problems.ts';
import type { DecodedDocument, DecodeOptions, DecodeResult, Place } from './types.ts';

const MAX_LENGTH = 4 * 1024 * 1024;
// Honest files alias a block a few times; a bomb multiplies.
const MAX_ALIASES = 100;

interface Reader {
  readonly text: string;
  readonly file: string | undefined;
  readonly source: string;
  readonly defaultNamespace: string;
  readonly takeUnsupported: boolean;
  readonly lines: LineCounter;
  readonly configs: Config[];
  readonly problems: Problem[];
  readonly documents: DecodedDocument[];
  readonly seen: Map<string, Origin>;
}

/**
 * Decodes YAML or JSON of any number of documents and Lists. Never throws: every fault is a problem with line and column, all faults
 * of a text are collected, and an object without an error is in `configs` whatever stands beside it. YAML 1.2 with merge keys.
 */
export function decodeYaml(text: string, options: DecodeOptions = {}): DecodeResult {
  const reader: Reader = {
    text,
    file: options.file,
    source: options.source ?? 'file',
    defaultNamespace: options.defaultNamespace ?? 'default',
    takeUnsupported: options.takeUnsupported ?? false,
    lines: new LineCounter(),
    configs: [],
    problems: [],
    documents: [],
    seen: new Map(),
  };
  const maxLength = options.maxLength ?? MAX_LENGTH;
  if (text.length > maxLength)
    addTextProblem(reader, 'MEL0107', { line: 1, column: 1 }, `the text is ${text.length} characters long; the limit is ${maxLength}`);
  else for (const document of parse(reader)) readDocument(reader, document);
  reader.problems.sort((a, b) => (a.origin?.line ?? 0) - (b.origin?.line ?? 0) || (a.origin?.column ?? 0) - (b.origin?.column ?? 0));
  return { configs: reader.configs, problems: reader.problems, documents: reader.documents };
}

function parse(reader: Reader): readonly Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(reader.text, {
      lineCounter: reader.lines,
      merge: true,
      uniqueKeys: true,
      prettyErrors: false,
      logLevel: 'silent',
    });
    return Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    // The parser recurses; what it cannot hold is no configuration.
    const deep = error instanceof RangeError;
    addTextProblem(
      reader,
      deep ? 'MEL0107' : 'MEL0101',
      { line: 1, column: 1 },
      deep ? 'the text is nested too deeply' : `the text cannot be read: ${messageOf(error)}`,
    );
    return [];
  }
}

function readDocument(reader: Reader, document: Document.Parsed): void {
  const faults: readonly YAMLError[] = [...document.errors, ...document.warnings];
  for (const fault of syntaxFaults(faults, reader.text)) addTextProblem(reader, 'MEL0101', toPlace(reader.lines, fault.offset), fault);
  if (faults.length > 0) return;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const bomb = error instanceof ReferenceError || error instanceof RangeError;
    const message = bomb ? `aliases multiply this document beyond what is read (${messageOf(error)})` : messageOf(error);
    addTextProblem(reader, bomb ? 'MEL0107' : 'MEL0101', toPlace(reader.lines, document.range[0]), message);
    return;
  }
  // Documents that hold only comments are left behind by templates; kubectl passes over them too.
  if (value === null || value === undefined) return;
  readValue(reader, { document, lines: reader.lines, text: reader.text }, value, []);
}

function readValue(reader: Reader, yaml: YamlSource, value: unknown, prefix: Path): void {
  const items = itemsOf(value);
  if (items !== undefined && prefix.length < 8) {
    items.forEach((item, index) => readValue(reader, yaml, item, [...prefix, 'items', index]));
    return;
  }
  const originAt = (place: Place): Origin => ({ source: reader.source, ...(reader.file === undefined ? {} : { file: reader.file }), ...place });
  const origin = originAt(rootPlace(yaml, prefix));
  const decoded = decodeParsed(value, { origin, defaultNamespace: reader.defaultNamespace, takeUnsupported: reader.takeUnsupported });
  for (const finding of decoded.findings) {
    const path = [...prefix, ...finding.path];
    const place = placeOf(yaml, path, finding.atKey === true);
    reader.problems.push(toProblem(finding, decoded, originAt(place), finding.misplaced === true ? misplacedEdit(yaml, path) : undefined));
  }
  const config = keepFirst(reader, decoded.config);
  reader.documents.push({
    kind: decoded.kind,
    namespace: decoded.namespace,
    name: decoded.name,
    ...(config === undefined ? {} : { config }),
    locate: (path) => placeOf(yaml, [...prefix, ...parsePath(path)], false),
  });
}

function keepFirst(reader: Reader, config: Config | undefined): Config | undefined {
  if (config === undefined) return undefined;
  const identity = identityOf(config);
  const before = reader.seen.get(identity);
  if (before !== undefined) {
    reader.problems.push(duplicateProblem(config, before));
    return undefined;
  }
  reader.seen.set(identity, config.origin);
  reader.configs.push(config);
  return config;
}

function rootPlace(yaml: YamlSource, prefix: Path): Place {
  if (prefix.length > 0) return placeOf(yaml, prefix, false);
  return toPlace(yaml.lines, yaml.document.contents?.range[0] ?? yaml.document.range[0]);
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (
    !isMapping(value) ||
    typeof value['kind'] !== 'string' ||
    !value['kind'].endsWith('List') ||
    (value['metadata'] !== undefined && !isMapping(value['metadata']))
  )
    return undefined;
  const items = value['items'];
  return Array.isArray(items) ? items : undefined;
}

function addTextProblem(
  reader: Reader,
  code: 'MEL0101' | 'MEL0107',
  place: Place,
  what: string | { readonly message: string; readonly fix?: string },
): void {
  const { message, fix } = typeof what === 'string' ? { message: what, fix: undefined } : what;
  const origin = { source: reader.source, ...(reader.file === undefined ? {} : { file: reader.file }), ...place };
  reader.problems.push(toProblem(errorAt(code, [], message, fix), { kind: '', namespace: '', name: '' }, origin));
}

function sentence(message: string): string {
  return message.split('\n')[0] ?? message;
}

function messageOf(error: unknown): string {
  return sentence(error instanceof Error ? error.message : String(error));
}
