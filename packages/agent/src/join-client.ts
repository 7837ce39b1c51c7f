import { MeshError } from '@meltemi/base';
import { request } from '@meltemi/http';
import type { JoinRequest, JoinResult } from './types.ts';

const TIMEOUT_MS = 10_000;

/** The control plane's HTTP address and its admin token. */
export interface JoinServer {
  readonly url: string;
  readonly token: string;
}

/** Asks the control plane for an address and a join token. Throws `join/…` with what it said, `http/…` when it cannot be reached. */
export async function joinMesh(server: JoinServer, wanted: JoinRequest): Promise<JoinResult> {
  const response = await request({
    url: `${server.url.replace(/\/$/, '')}/meltemi/v1/join`,
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
    timeoutMs: TIMEOUT_MS,
  });
  const answer = response.json() as Partial<JoinResult> & { readonly code?: string; readonly message?: string };
  if (response.status !== 200)
    throw new MeshError(
      answer.code ?? 'join/refused',
      `The control plane refused the workload (${response.status}): ${answer.message ?? 'it did not say why'}`,
    );
  if (!isComplete(answer)) {
    throw new MeshError(
      'join/bad-answer',
      `${server.url} answered the join without all of its parts. Is it a Meltemi control plane of this version?`,
    );
  }
  return answer;
}

const PARTS = ['joinToken', 'address', 'appAddress', 'xdsAddress', 'rootCertificate', 'trustDomain'] as const;

function isComplete(answer: Partial<JoinResult>): answer is JoinResult {
  return PARTS.every((part) => typeof answer[part] === 'string' && answer[part] !== '');
}
