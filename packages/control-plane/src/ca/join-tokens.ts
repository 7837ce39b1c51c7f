import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '@meltemi/base';
import type { SpiffeId } from '@meltemi/pki';

/** How long a join token is good. */
const JOIN_TOKEN_TTL_MS = 300_000;
const MAX_OUTSTANDING = 10_000;
const TOKEN_BYTES = 32;

/** Single-use tokens, each bound to one identity. Held in memory as hashes only: a restart makes the unused ones void. */
export interface JoinTokens {
  /** A new token, or undefined when too many are outstanding. */
  create(id: SpiffeId): string | undefined;
  /** The identity of a token that is good, which is used up by this call; undefined for all others. */
  redeem(token: string): SpiffeId | undefined;
}

export function createJoinTokens(clock: Clock): JoinTokens {
  const outstanding = new Map<string, { id: SpiffeId; expiresMs: number }>();
  // The map keeps the order of creation and all tokens live equally long: the expired ones stand in front.
  const sweep = (): void => {
    for (const [hash, entry] of outstanding) {
      if (entry.expiresMs > clock.now()) return;
      outstanding.delete(hash);
    }
  };
  return {
    create(id) {
      sweep();
      if (outstanding.size >= MAX_OUTSTANDING) return undefined;
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      outstanding.set(hashed(token), { id, expiresMs: clock.now() + JOIN_TOKEN_TTL_MS });
      return token;
    },
    redeem(token) {
      sweep();
      const hash = hashed(token);
      const entry = outstanding.get(hash);
      outstanding.delete(hash);
      return entry?.id;
    },
  };
}

// Looking up a hash instead of the token leaves nothing to learn from how long the look-up takes.
function hashed(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
