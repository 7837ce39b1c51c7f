import { Component, type ReactNode } from 'react';
import { Failed } from './states.tsx';

/** Keeps one page's fault from taking the console down. React asks for a class here. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | undefined }> {
  override state: { readonly error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error === undefined ? this.props.children : <Failed error={error} retry={() => this.setState({ error: undefined })} />;
  }
}
