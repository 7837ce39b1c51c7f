import type { BodySink, BodyStage } from '../payload.ts';

/** Everything passes. */
export class PassStage implements BodyStage {
  readonly next: BodySink;

  constructor(next: BodySink) {
    this.next = next;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.next.write(bytes, start, end);
  }

  end(trailers: Uint8Array | undefined): void {
    this.next.end(trailers);
  }

  drained(): boolean {
    return true;
  }

  drop(): void {}
}
