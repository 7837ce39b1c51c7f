import type { ObjectMeta } from './config.ts';
import { durationMs } from './duration.ts';

/** How long an object is in force after it was last changed: a fault that nobody must forget. `30s`, `1h30m`. */
export const TTL_ANNOTATION = 'meltemi.io/ttl';
/** When it ends (RFC 3339, UTC): set by the store from the other one with every change, or by the user. */
export const EXPIRES_ANNOTATION = 'meltemi.io/expires';

const TIME = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d{1,3})\d*)?Z$/;
const DAY_MS = 86_400_000;

/** Kinds whose objects may end by themselves. */
export function mayExpire(kind: string): boolean {
  return kind === 'VirtualService';
}

/** Milliseconds since 1970 when the object ends; undefined = it stays. */
export function expiresAtMs(meta: Pick<ObjectMeta, 'annotations' | 'creationTimestamp'>): number | undefined {
  const told = meta.annotations[EXPIRES_ANNOTATION];
  if (told !== undefined) return timeMs(told);
  const ttl = meta.annotations[TTL_ANNOTATION];
  const ttlMs = ttl === undefined ? undefined : durationMs(ttl);
  const createdMs = meta.creationTimestamp === undefined ? undefined : timeMs(meta.creationTimestamp);
  return ttlMs === undefined || createdMs === undefined ? undefined : createdMs + ttlMs;
}

/** What is wrong with the annotations of an object; undefined = nothing. */
export function expiryFault(
  kind: string,
  { annotations }: Pick<ObjectMeta, 'annotations'>,
): { readonly annotation: string; readonly message: string } | undefined {
  const [ttl, expires] = [annotations[TTL_ANNOTATION], annotations[EXPIRES_ANNOTATION]];
  if (ttl === undefined && expires === undefined) return undefined;
  const annotation = ttl === undefined ? EXPIRES_ANNOTATION : TTL_ANNOTATION;
  if (!mayExpire(kind)) return { annotation, message: 'only a VirtualService ends by itself' };
  const ms = ttl === undefined ? undefined : durationMs(ttl);
  if (ttl !== undefined && (ms === undefined || ms <= 0)) return { annotation, message: `expected a duration such as "30s", found "${ttl}"` };
  if (expires !== undefined && timeMs(expires) === undefined)
    return { annotation: EXPIRES_ANNOTATION, message: `expected a time such as "2030-01-31T12:00:00Z", found "${expires}"` };
  return undefined;
}

/** Milliseconds since 1970 of a time in UTC as Kubernetes writes it; undefined when the text is none. */
export function timeMs(text: string): number | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const at = (index: number): number => Number(parts[index]);
  const fraction = Number((parts[7] ?? '0').padEnd(3, '0'));
  return daysSince1970(at(1), at(2), at(3)) * DAY_MS + ((at(4) * 60 + at(5)) * 60 + at(6)) * 1000 + fraction;
}

/** Years that begin in March have their leap day at the end. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}
