import { notify } from './notices.ts';

/**
 * Trades the one-time token of the address for a session cookie, which allows writes. The token leaves the address bar first,
 * so that it stays in no history and no screenshot. Reading needs no session.
 */
export async function openSession(): Promise<void> {
  const params = new URLSearchParams(window.location.search);
  const token = params.get('token');
  if (token === null) return;
  params.delete('token');
  const rest = params.toString();
  history.replaceState(null, '', window.location.pathname + (rest === '' ? '' : `?${rest}`) + window.location.hash);
  try {
    const response = await fetch('/meltemi/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      credentials: 'same-origin',
      body: JSON.stringify({ token }),
    });
    if (response.ok) {
      notify('success', 'Signed in: this browser may change the configuration.');
    } else
      notify(
        'warning',
        'The one-time link was used already or is too old. Pages can be read; for changes open the newest link that the control plane printed.',
      );
  } catch {
    notify('warning', 'Signing in failed: the control plane does not answer. Pages can be read.');
  }
}
