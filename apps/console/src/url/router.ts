import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { readOptions, writeOptions, type Options } from './params.ts';

const CHANGED = 'meltemi:location';

function subscribe(changed: () => void): () => void {
  window.addEventListener('popstate', changed);
  window.addEventListener(CHANGED, changed);
  return () => {
    window.removeEventListener('popstate', changed);
    window.removeEventListener(CHANGED, changed);
  };
}

/** Goes to another page of the console, or back to the same with other options. */
export function navigate(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  window.dispatchEvent(new Event(CHANGED));
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

/** The options in the address bar, and how to change them. A change replaces the history entry: toggles are not steps to go back through. */
export function useOptions(): readonly [Options, (changes: Partial<Options>) => void] {
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  const options = useMemo(() => readOptions(search), [search]);
  const change = useCallback((changes: Partial<Options>) => {
    navigate(window.location.pathname + writeOptions(window.location.search, changes), true);
  }, []);
  return [options, change];
}

/** Address of a page with the options that pages share (namespaces, duration, refresh) and some of its own. */
export function pageHref(path: string, changes: Partial<Options> = {}): string {
  const { namespaces, durationSeconds, refreshMs, kiosk } = readOptions(window.location.search);
  return path + writeOptions('', { namespaces, durationSeconds, refreshMs, kiosk, ...changes });
}
