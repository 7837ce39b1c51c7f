import type { Fix } from '@meltemi/base';
import { isMap, isPair, isScalar, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Path } from '../path.ts';
import { pairAt, toPlace, type YamlSource } from './places.ts';

type Edit = NonNullable<Fix['edit']>;

/**
 * The edit that moves a field one level up, beside the mapping it wrongly stands in (`weight` under `destination`). Undefined when
 * it cannot be made safely: the field is there already, it is all the mapping has, or the text is not laid out line by line.
 */
export function misplacedEdit(source: YamlSource, path: Path): Edit | undefined {
  const owner = pairAt(source, path.slice(0, -1)).pair;
  const parent = pairAt(source, path.slice(0, -2)).holder;
  const field = pairAt(source, path).pair;
  if (owner === undefined || field === undefined || !isMap(parent) || parent.flow === true) return undefined;
  const map = owner.value;
  if (!isMap(map) || map.items.length < 2 || keyed(parent, path.at(-1))) return undefined;
  const parts = { owner, map, field, indent: ' '.repeat(toPlace(source.lines, startOf(owner.key)).column - 1) };
  return map.flow === true ? flowEdit(source, parts) : blockEdit(source, parts);
}

interface Parts {
  /** The pair of the mapping, `destination: …`. */
  readonly owner: Pair;
  readonly map: YAMLMap;
  /** The pair that must move. */
  readonly field: Pair;
  /** Indentation of the owner. */
  readonly indent: string;
}

function keyed(map: YAMLMap, key: unknown): boolean {
  return map.items.some((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
}

function blockEdit(source: YamlSource, { owner, map, field, indent }: Parts): Edit | undefined {
  const lines = source.text.split('\n');
  const startLine = lineOf(source, startOf(owner.key));
  const endLine = lineOf(source, Math.max(startOf(owner.key), endOf(map) - 1));
  const from = lineOf(source, startOf(field.key));
  const to = lineOf(source, Math.max(startOf(field.key), endOf(field.value) - 1));
  // Only whole lines can move: the field must not share its first line with another one.
  if (
    from <= startLine ||
    (lines[from - 1] ?? '').trimStart() !== (lines[from - 1] ?? '').slice(toPlace(source.lines, startOf(field.key)).column - 1)
  )
    return undefined;
  const block = lines.slice(startLine - 1, endLine);
  const moved = block.slice(from - startLine, to - startLine + 1);
  const fieldIndent = toPlace(source.lines, startOf(field.key)).column - 1;
  const rest = [...block.slice(0, from - startLine), ...block.slice(to - startLine + 1)];
  const outdented = moved.map((line) => (line.slice(0, fieldIndent).trim() === '' ? indent + line.slice(fieldIndent) : line));
  return { startLine, endLine, replacement: [...rest, ...outdented].join('\n') };
}

function flowEdit(source: YamlSource, { owner, map, field, indent }: Parts): Edit | undefined {
  const startLine = lineOf(source, startOf(owner.key));
  if (lineOf(source, endOf(map) - 1) !== startLine) return undefined;
  const line = source.text.split('\n')[startLine - 1] ?? '';
  const lineStart = startOf(owner.key) - (toPlace(source.lines, startOf(owner.key)).column - 1);
  const kept = map.items.filter((item) => item !== field).map((item) => sourceOf(source, item as Pair));
  const after = line.slice(endOf(map) - lineStart);
  const replaced = `${line.slice(0, startOf(map) - lineStart)}{ ${kept.join(', ')} }${after}`;
  return { startLine, endLine: startLine, replacement: `${replaced}\n${indent}${sourceOf(source, field)}` };
}

function sourceOf(source: YamlSource, pair: Pair): string {
  return source.text.slice(startOf(pair.key), Math.max(endOf(pair.key), endOf(pair.value)));
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}

function endOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[1] ?? 0;
}

function lineOf(source: YamlSource, offset: number): number {
  return toPlace(source.lines, offset).line;
}
