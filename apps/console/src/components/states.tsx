import { Button, Loader } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { Icon } from './icons.tsx';

/** A page or part of it that still waits for its data. */
export function Loading({ words = 'Loading…' }: { readonly words?: string }): ReactElement {
  return (
    <div className="state" role="status">
      <Loader size="sm" />
      <p>{words}</p>
    </div>
  );
}

/** Nothing to show, why, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactElement {
  return (
    <div className="state" role="status">
      <Icon name="topology" size={36} color="var(--soft)" />
      <h2>{title}</h2>
      <div className="state-text">{children}</div>
    </div>
  );
}

/** What went wrong, and another try. */
export function Failed({ error, retry }: { readonly error: Error; readonly retry?: () => void }): ReactElement {
  return (
    <div className="state" role="alert">
      <Icon name="error" size={28} color="var(--danger)" />
      <h2>This could not be loaded</h2>
      <div className="state-text">{error.message}</div>
      {retry !== undefined && (
        <Button size="xs" variant="default" onClick={retry}>
          Try Again
        </Button>
      )}
    </div>
  );
}

interface ListStatesProps {
  readonly error: Error | null;
  readonly retry: () => void;
  /** Whether there is something to show. */
  readonly ready: boolean;
  /** How many namespaces are chosen; undefined while they are not known. */
  readonly chosen: number | undefined;
}

/** What a list of the chosen namespaces shows while it has nothing to show: loading, failed, or nothing chosen. */
export function ListStates({ error, retry, ready, chosen }: ListStatesProps): ReactElement | null {
  if (ready && chosen !== 0) return null;
  if (error !== null) return <Failed error={error} retry={retry} />;
  if (chosen === 0) return <Empty title="No namespace is selected">Choose one or more namespaces above.</Empty>;
  return <Loading />;
}
