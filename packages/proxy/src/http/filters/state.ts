import type { HeaderEdit, ResponseHook } from '@meltemi/runtime';

/** What filters have left with a request; absent for most. */
export interface FilterState {
  /** In the order of the chain: the last one sees the response first. */
  readonly hooks: ResponseHook[];
  /** What the hooks want changed in the response's head. */
  responseEdits: readonly HeaderEdit[];
  /** Gives up what a filter waits for. */
  cancel: (() => void) | undefined;
  /** Goes on when the demanded body is here. */
  onBody: (() => void) | undefined;
  /** Bytes of the request's body that may be held for a filter; 0 = as always. */
  holdBytes: number;
  /** Beyond that the request goes on unread, and is not refused. */
  partial: boolean;
}

export function createFilterState(): FilterState {
  return { hooks: [], responseEdits: [], cancel: undefined, onBody: undefined, holdBytes: 0, partial: false };
}

/** The request has ended: whatever a filter waits for is given up. */
export function dropFilters({ filters }: { readonly filters: FilterState | undefined }): void {
  if (filters === undefined) return;
  const { cancel } = filters;
  filters.cancel = undefined;
  filters.onBody = undefined;
  cancel?.();
}
