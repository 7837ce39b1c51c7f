import { createHmac, timingSafeEqual } from 'node:crypto';

/** Who is logged in, as a signed cookie: any instance of productpage can read it, none has to remember it. */
export interface Sessions {
  /** Value of `set-cookie` for a user who logs in. */
  open(user: string): string;
  /** Value of `set-cookie` that ends a session. */
  end(): string;
  /** The user of a `cookie` header; undefined without a session or when its signature is wrong. */
  user(cookieHeader: string | undefined): string | undefined;
}

export function createSessions(secret: string): Sessions {
  const sign = (payload: string): string => createHmac('sha256', secret).update(payload).digest('base64url');
  return {
    open: (user) => {
      const payload = Buffer.from(user).toString('base64url');
      return `session=${payload}.${sign(payload)}; Path=/; HttpOnly; SameSite=Lax`;
    },
    end: () => 'session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0',
    user: (header) => {
      const [payload, signature] = (cookieValue(header, 'session') ?? '').split('.');
      if (payload === undefined || payload === '' || signature === undefined) return undefined;
      const expected = Buffer.from(sign(payload));
      const given = Buffer.from(signature);
      if (expected.length !== given.length || !timingSafeEqual(expected, given)) return undefined;
      return Buffer.from(payload, 'base64url').toString('utf8');
    },
  };
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name) return value.join('=');
  }
  return undefined;
}
