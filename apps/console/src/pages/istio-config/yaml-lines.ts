import { isNode, LineCounter, parseDocument, stringify } from 'yaml';
import type { Message } from './model.ts';

/** A line of an object's YAML, with the messages that belong to it. */
export interface YamlLine {
  readonly text: string;
  readonly messages: readonly Message[];
}

/** An object as YAML; each message stands at the line of the field it names, or of the nearest field above that is there. */
export function yamlLines(object: object, messages: readonly Message[]): readonly YamlLine[] {
  const source = stringify(object, { lineWidth: 0 }).trimEnd();
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter });
  const byLine = new Map<number, Message[]>();
  for (const message of messages) {
    const line = lineOf(document, pathSegments(message.path), counter);
    byLine.set(line, [...(byLine.get(line) ?? []), message]);
  }
  return source.split('\n').map((text, index) => ({ text, messages: byLine.get(index + 1) ?? [] }));
}

/** `spec.http[0].route` and `spec/http[0]/route` as keys and indices. */
export function pathSegments(path: string): readonly (number | string)[] {
  return [...path.matchAll(/\[(\d+)\]|[^./[\]]+/g)].map(([text, index]) => (index === undefined ? text : Number(index)));
}

function lineOf(document: ReturnType<typeof parseDocument>, path: readonly (number | string)[], counter: LineCounter): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range !== undefined && node.range !== null) return counter.linePos(node.range[0]).line;
  }
  return 1;
}
