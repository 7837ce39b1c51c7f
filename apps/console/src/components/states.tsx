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
