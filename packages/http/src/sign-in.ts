import { createAuthorizer } from './auth.ts';
import { startSession, type Sessions } from './sessions.ts';
import type { HttpResponse, Route } from './types.ts';

const SESSION_PATH = '/meltemi/v1/session';
const MAX_FORM_BYTES = 4096;

/**
 * How a browser gets the right to write, and on another machine to read: `GET /meltemi/v1/session?ticket=…` takes a one-time ticket, `POST`
 * the form of `signInPage` with the token. Either sets the session's cookie and leads to `/`.
 */
export function sessionRoutes(sessions: Sessions, token: string): readonly Route[] {
  const authorize = createAuthorizer({ token });
  const isToken = (given: string, remoteAddress: string): boolean =>
    authorize({ access: 'write', headers: { authorization: `Bearer ${given}` }, remoteAddress }).t === 'allow';
  return [
    {
      method: 'GET',
      path: SESSION_PATH,
      access: 'open',
      handler(request) {
        // A look at the address (a link preview, a scanner) must not use up the ticket.
        if (request.method === 'HEAD') return { status: 200, headers: { 'cache-control': 'no-store' } };
        const id = sessions.redeem(request.query.get('ticket') ?? '');
        return id === undefined
          ? signInPage('This address was used already or is too old. The token opens a new session.')
          : startSession(sessions, id);
      },
    },
    {
      method: 'POST',
      path: SESSION_PATH,
      access: 'open',
      maxBodyBytes: MAX_FORM_BYTES,
      async handler(request) {
        const given = new URLSearchParams(await request.text()).get('token')?.trim() ?? '';
        return isToken(given, request.remoteAddress)
          ? startSession(sessions, sessions.open())
          : signInPage('That is not the token of this control plane.');
      },
    },
  ];
}

/** What a browser on another machine gets instead of a page: a form that asks for the token. */
export function signInPage(notice = ''): HttpResponse {
  return {
    status: 401,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    },
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Meltemi</title>
<style>:root{color-scheme:light dark}body{font:16px system-ui,sans-serif;max-width:28rem;margin:15vh auto;padding:0 1rem}
input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin:.25rem 0}p[role=alert]{color:#c9190b}</style>
<h1>Meltemi</h1><p>Enter the token that was printed at the start, or that the file run/token in the state directory holds.</p>
<form method="post" action="${SESSION_PATH}"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus><button>Sign in</button></form>
<p role="alert">${notice}</p></html>
`,
  };
}
