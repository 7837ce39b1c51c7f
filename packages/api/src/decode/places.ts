import { isAlias, isMap, isPair, isScalar, isSeq, type Document, type LineCounter, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Path } from '../path.ts';
import type { Place } from './types.ts';

/** A parsed YAML document with what is needed to find places in it. */
export interface YamlSource {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly text: string;
}

/** The pair of a key, as far as the key is there; looks through aliases and merges. */
export function pairAt(source: YamlSource, path: Path): { readonly pair?: Pair; readonly holder?: Node } {
  let node: Node | undefined = source.document.contents ?? undefined;
  let pair: Pair | undefined;
  for (const part of path) {
    node = resolve(source, node);
    pair = undefined;
    if (isSeq(node) && typeof part === 'number') node = node.items[part] as Node | undefined;
    else if (isMap(node)) {
      pair = findPair(source, node, String(part));
      if (pair === undefined) return { holder: node };
      node = (pair.value ?? undefined) as Node | undefined;
    } else node = undefined;
    if (node === undefined && pair === undefined) return {};
  }
  return { ...(pair === undefined ? {} : { pair }), ...(node === undefined ? {} : { holder: node }) };
}

function resolve(source: YamlSource, node: Node | undefined): Node | undefined {
  return isAlias(node) ? node.resolve(source.document) : node;
}

function findPair(source: YamlSource, map: YAMLMap, key: string): Pair | undefined {
  for (const item of map.items) if (isPair(item) && isScalar(item.key) && String(item.key.value) === key) return item as Pair;
  for (const item of map.items) {
    if (!isPair(item) || !isScalar(item.key) || (item.key.value !== '<<' && typeof item.key.value !== 'symbol')) continue;
    const merged = resolve(source, item.value as Node | undefined);
    const found = isMap(merged) ? findPair(source, merged, key) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The place of the value at a path (or of its key); of the nearest thing above when it is not there. */
export function placeOf(source: YamlSource, path: Path, atKey: boolean): Place {
  for (let length = path.length; length >= 0; length -= 1) {
    const missing = length < path.length;
    const offset = offsetAt(source, path.slice(0, length), atKey || missing);
    if (offset !== undefined) return toPlace(source.lines, offset);
  }
  return toPlace(source.lines, source.document.range[0]);
}

function offsetAt(source: YamlSource, path: Path, atKey: boolean): number | undefined {
  const { pair, holder } = pairAt(source, path);
  if (pair === undefined) return typeof path.at(-1) === 'string' ? undefined : startOf(holder);
  // A mapping is told by its key's line, a scalar or list entry by its own.
  const byKey = atKey || isMap(holder) || isSeq(holder);
  const ofValue = startOf(holder);
  return byKey || ofValue === undefined ? startOf(pair.key as Node | undefined) : ofValue;
}

function startOf(node: Node | undefined): number | undefined {
  return node?.range?.[0] ?? undefined;
}

/** 1-based place of an offset. */
export function toPlace(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
