import type { Problem } from '@meltemi/base';

/**
 * The text with the edits of the problems' fixes made. The problems must come from decoding this very text. Of edits that touch one
 * line, the first is made: decode again and repeat to make the others.
 */
export function applyFixes(text: string, problems: readonly Problem[]): string {
  const edits = problems.flatMap((problem) => (problem.fix?.edit === undefined ? [] : [problem.fix.edit])).sort((a, b) => a.startLine - b.startLine);
  const lines = text.split('\n');
  const out: string[] = [];
  let next = 1;
  for (const edit of edits) {
    if (edit.startLine < next || edit.endLine > lines.length) continue;
    out.push(...lines.slice(next - 1, edit.startLine - 1), edit.replacement);
    next = edit.endLine + 1;
  }
  return [...out, ...lines.slice(next - 1)].join('\n');
}
