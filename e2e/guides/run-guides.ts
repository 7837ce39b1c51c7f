import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { findEnvoy, NO_ENVOY } from '../interop/envoy-process.ts';
import { sampleFiles, startGuideMesh, type GuideMesh } from './mesh.ts';
import { SCENARIOS } from './scenarios/index.ts';

const GUIDES = fileURLToPath(new URL('../../docs/guides', import.meta.url));

/** How guides are tried; left out, all of them in ports mode. */
export interface GuideRun {
  readonly interception?: 'ports' | 'netns';
  readonly guides?: readonly string[];
  /** Guides that run elsewhere. */
  readonly without?: readonly string[];
}

/** Guides that take longest, on their second data plane: part of `npm run test:full`. */
export const LONG_GUIDES: readonly string[] = ['blue-green', 'circuit-breaker', 'outlier-ejection', 'tcp-shifting', 'locality-failover'];

/** Registers the tests of guides on one data plane. They share a mesh, one after the other. */
export function runGuides(dataPlane: 'embedded' | 'envoy', { interception = 'ports', guides, without = [] }: GuideRun = {}): void {
  if (dataPlane === 'envoy' && findEnvoy() === undefined) {
    test('the guides on Envoy', { skip: NO_ENVOY });
    return;
  }
  let mesh: GuideMesh;
  before(async () => {
    mesh = await startGuideMesh(dataPlane, interception);
  });
  after(() => mesh[Symbol.asyncDispose]());
  const only = process.env['MELTEMI_GUIDE']?.split(',') ?? guides;
  for (const scenario of SCENARIOS.filter(({ guide }) => only?.includes(guide) ?? !without.includes(guide))) {
    const reason = scenario.skip?.() ?? '';
    test(`${dataPlane}, ${interception}: ${scenario.guide}`, { skip: reason === '' ? false : reason }, async () => {
      const mine = sampleFiles().filter((file) => file.startsWith(`${scenario.guide}/`));
      try {
        await scenario.run(mesh);
      } finally {
        await mesh.restore([...mine, ...(scenario.uses ?? [])]);
      }
    });
  }
}

/** The guide names every file of its folder, and no other one. */
export function checkGuideTexts(): void {
  for (const { guide, uses = [] } of SCENARIOS) {
    test(`docs/guides/${guide}.md names its files`, () => {
      const text = readFileSync(join(GUIDES, `${guide}.md`), 'utf8');
      const named = new Set([...text.matchAll(/samples\/guides\/([\w./-]+\.yaml)/g)].map(([, file = '']) => file));
      const there = sampleFiles().filter((file) => file.startsWith(`${guide}/`));
      assert.deepEqual([...named].sort(), [...there, ...uses].sort());
    });
  }
}
