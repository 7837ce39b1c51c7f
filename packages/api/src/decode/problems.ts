import type { ObjectRef, Origin, Problem } from '@meltemi/base';
import { formatPath } from '../path.ts';
import type { ObjectFinding } from './finding.ts';

/** A finding as a Problem, with its object and place. */
export function toProblem(finding: ObjectFinding, object: ObjectRef, origin: Origin, edit?: NonNullable<Problem['fix']>['edit']): Problem {
  const fix =
    finding.fix === undefined
      ? undefined
      : edit === undefined
        ? { text: finding.fix }
        : { text: `${finding.fix} The block then reads:\n${edit.replacement}`, edit };
  const named = object.kind !== '' || object.name !== '';
  return {
    code: finding.code,
    severity: finding.severity,
    path: formatPath(finding.path),
    message: finding.message,
    ...(fix === undefined ? {} : { fix }),
    ...(named ? { object: { kind: object.kind, namespace: object.namespace, name: object.name } } : {}),
    origin,
  };
}
