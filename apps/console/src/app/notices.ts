import { useSyncExternalStore } from 'react';

export type NoticeKind = 'danger' | 'info' | 'success' | 'warning';

/** Something that happened and that the bell keeps. Repeats of one text are counted, not repeated. */
export interface Notice {
  readonly kind: NoticeKind;
  readonly text: string;
  readonly count: number;
  readonly atMs: number;
  readonly read: boolean;
}

const MAX_NOTICES = 50;
const listeners = new Set<() => void>();
let notices: readonly Notice[] = [];

function set(next: readonly Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

export function notify(kind: NoticeKind, text: string): void {
  const same = notices.find((one) => one.text === text && one.kind === kind);
  const notice: Notice = { kind, text, count: (same?.count ?? 0) + 1, atMs: Date.now(), read: false };
  set([notice, ...notices.filter((one) => one !== same)].slice(0, MAX_NOTICES));
}

export function markNoticesRead(): void {
  if (notices.some((one) => !one.read)) set(notices.map((one) => ({ ...one, read: true })));
}

export function clearNotices(): void {
  set([]);
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => notices,
  );
}
