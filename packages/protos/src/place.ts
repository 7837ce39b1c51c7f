import type { Faults } from './faults.ts';
import type { MessageSchema, Schema } from './schema.ts';

/** Where in a message a reader or writer is. Kept as a chain: the text of a path is made only when there is a fault to tell. */
export interface Place<Shared> {
  readonly shared: Shared;
  readonly parent: Place<Shared> | undefined;
  /** `name`, `[0]` or `["key"]`. */
  readonly segment: string;
  /** Of a list's item. */
  readonly index: number | undefined;
  readonly depth: number;
}

/** The outermost place. */
export function rootPlace<Shared>(shared: Shared): Place<Shared> {
  return { shared, parent: undefined, segment: '', index: undefined, depth: 0 };
}

/** One level further in. */
export function childPlace<Shared>(parent: Place<Shared>, segment: string, index?: number): Place<Shared> {
  return { shared: parent.shared, parent, segment, index, depth: parent.depth + 1 };
}

/** The path as text: `filter_chains[0].filters[1].typed_config`. */
function pathOf(place: Place<unknown> | undefined): string {
  if (place === undefined) return '';
  const outer = pathOf(place.parent);
  const segment = place.index === undefined ? place.segment : `${place.segment}[${place.index}]`;
  return outer === '' || segment === '' || segment.startsWith('[') ? outer + segment : `${outer}.${segment}`;
}

/** What reading and writing share over one message. */
export interface Collecting {
  readonly faults: Faults;
  readonly schema: Schema;
}

/** A field of a message by its number, for want of a name. */
export function fieldAt(place: Place<unknown>, number: number): string {
  const path = pathOf(place);
  return `${path === '' ? '' : `${path}.`}field ${number}`;
}

/** Records a fault at a place, or at a member of it. */
export function addFault(place: Place<Collecting>, what: string, member?: string, index?: number): void {
  place.shared.faults.add(pathOf(member === undefined ? place : childPlace(place, member, index)), what);
}

/** Nesting that protobuf itself refuses; kept against hostile input. */
export function isTooDeep(place: Place<Collecting>): boolean {
  if (place.depth <= MAX_DEPTH) return false;
  addFault(place, `nested deeper than ${MAX_DEPTH}`);
  return true;
}

const MAX_DEPTH = 200;

/** A message type known by name only: for well-known types, which need no fields. */
export function bareMessage(fullName: string): MessageSchema {
  return { fullName, byName: new Map(), byNumber: new Map() };
}
