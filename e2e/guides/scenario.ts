import type { GuideMesh } from './mesh.ts';

/** One guide as a test: it does what `docs/guides/<guide>.md` tells, and looks whether that is so. */
export interface Scenario {
  readonly guide: string;
  /** Samples of other guides that it begins with. */
  readonly uses?: readonly string[];
  /** Why it cannot be tried here, '' = it can. */
  readonly skip?: () => string;
  run(mesh: GuideMesh): Promise<void>;
}
