import assert from 'node:assert/strict';
import { verdictOf, type GuideMesh } from './mesh.ts';

const LONG = process.env['MELTEMI_GUIDE_REQUESTS'];
/** Requests over which a share between nobody and everybody is counted: with 8,000 and 50 % three points are 5.4 standard deviations. */
const DRAWN = 8_000;
/** The same where another guide counts to 8,000 already: with 2,000 and 50 % five and a half points are 4.9 standard deviations. The long ring counts to 8,000 everywhere. */
export const FEWER: number = LONG === undefined ? 2_000 : DRAWN;
/** Requests of whom all meet the same: nothing is drawn, so fewer tell as much. The long ring asks for more. */
export const ALL = Number(LONG ?? 400);

/** Callers outside, and requests that a link makes to the next for one of theirs. */
const [CALLERS, EACH] = [16, 100];

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  /** The link whose requests are counted. */
  readonly link?: string;
  /** The virtual host at the gateway. */
  readonly host?: string;
  /** Requests that the link makes for one from outside. */
  readonly each?: number;
}

/** Asks until a link has made `count` requests to the next: how many each version answered. Rejects when one failed. */
export async function answersOf(mesh: GuideMesh, count: number, asked: Asked = {}): Promise<ReadonlyMap<string, number>> {
  const { headers = {}, link = 'preference', host = 'chain.example', each = EACH } = asked;
  const versions = new Map<string, number>();
  let left = count;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      const times = Math.min(each, left);
      left -= times;
      const reply = await mesh.ask({ host, 'x-times': `${link}=${times}`, ...headers });
      assert.equal(reply.status, 200, `${verdictOf(reply)} ${reply.error ?? reply.body}`);
      const lines = reply.body.trim().split('\n');
      assert.equal(lines.length, times, reply.body);
      for (const line of lines) {
        const version = / (v\d): \d+$/.exec(line)?.[1] ?? line;
        versions.set(version, (versions.get(version) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return versions;
}

/** The part of `count` lies within 3 points of what was asked for; of fewer than 8,000, within five and a half. */
export function assertShare(part: number, count: number, percent: number): void {
  const share = (part / count) * 100;
  assert.ok(Math.abs(share - percent) <= (count < DRAWN ? 5.5 : 3), `${share} % instead of ${percent} %`);
}

/** Version 2 gets `percent` of the requests. */
export async function assertV2Gets(mesh: GuideMesh, percent: number, count: number = DRAWN): Promise<void> {
  assertShare((await answersOf(mesh, count)).get('v2') ?? 0, count, percent);
}

/** All requests meet the same version. */
export async function assertAll(mesh: GuideMesh, version: string, asked: Asked = {}): Promise<void> {
  assert.deepEqual([...(await answersOf(mesh, ALL, asked))], [[version, ALL]]);
}
