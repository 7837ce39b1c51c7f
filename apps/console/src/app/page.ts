import type { QueryClient } from '@tanstack/react-query';
import type { ComponentType } from 'react';
import type { IconName } from '../components/icons.tsx';
import type { Options } from '../url/params.ts';

/** What a page may use to start reading before it is drawn. */
interface LoadContext {
  readonly queries: QueryClient;
  readonly options: Options;
}

/** One page of the console. The list of pages is the navigation and the routes. */
export interface Page {
  /** Path below `/console`; a page answers to everything below its own path too. */
  readonly path: string;
  /** Other paths below `/console` that are this page's. */
  readonly also?: RegExp;
  readonly title: string;
  readonly nav: { readonly label: string; readonly icon: IconName };
  /** Starts the page's queries, so that they run while its code is fetched. */
  readonly load: (context: LoadContext) => void;
  readonly View: ComponentType;
}

export function definePage(page: Page): Page {
  return page;
}
