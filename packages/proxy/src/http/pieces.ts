/** The body of most requests. */
export const NO_PIECES: readonly Piece[] = [];

/** Request bodies up to so much are kept for a retry. */
export const MAX_REPLAY_BYTES = 64 * 1024;

/** A piece of a message that stays as it is. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}
