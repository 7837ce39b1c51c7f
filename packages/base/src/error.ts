/**
 * An operational failure, thrown. `code` is stable and machine-readable (`xds/stream-closed`); the message says what happened,
 * the value, the likely cause and what to do.
 */
export class MeshError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MeshError';
    this.code = code;
  }

  /** Any thrown value as a MeshError; one that is a MeshError already stays itself. */
  static from(value: unknown, code: string): MeshError {
    if (value instanceof MeshError) return value;
    return new MeshError(code, value instanceof Error ? value.message : String(value), { cause: value });
  }
}
