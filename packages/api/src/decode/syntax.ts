import type { YAMLError } from 'yaml';

/** A fault of the text itself, in our words, where it begins. */
export interface SyntaxFault {
  readonly offset: number;
  readonly message: string;
  readonly fix?: string;
}

interface Explanation {
  readonly message: string;
  readonly fix: string;
}

const SAME_COLUMN: Explanation = {
  message: 'this line is indented differently from the ones it belongs to',
  fix: 'Begin it in the same column as the other fields of its block.',
};

/** The parser has lost its way: all that it says from here on follows from the first of these. */
const LOST = /^Unexpected .* token in YAML stream/;

/** The parser's message, up to a detail, and what it means to a person who wrote the file. The first that fits is taken. */
const EXPLANATIONS: readonly (readonly [RegExp, Explanation])[] = [
  [/^Tabs are not allowed/, { message: 'a tab stands where YAML wants spaces', fix: 'Replace the tab by spaces.' }],
  [/^Map keys must be unique/, { message: 'this field stands twice in one block', fix: 'Remove one of the two.' }],
  [/^All (mapping|sequence) items must start at the same column/, SAME_COLUMN],
  [
    /^Nested mappings are not allowed/,
    { message: 'a value and a block stand at one place', fix: 'Indent this line as its neighbours are, or quote a value that holds ": ".' },
  ],
  [
    /^Implicit keys need to be on a single line|^Implicit map keys need to be followed/,
    { message: 'a line is neither "field: value" nor the begin of a block', fix: 'Write ":" after the field, and a space before its value.' },
  ],
  [/^Missing closing/, { message: 'a quote is opened and not closed', fix: 'Close it on the same line.' }],
  [
    LOST,
    {
      message: 'this text is no part of a YAML document: all that came before it has ended',
      fix: 'Is the whole file YAML (no Markdown, no program output)? If so, look for a wrong indentation or quote here and in the line before.',
    },
  ],
  [/^Plain value cannot start/, { message: 'a value begins with a character that YAML keeps for itself', fix: 'Write the value in quotes.' }],
];

/** Of a text that is no YAML, more would be told than anybody reads. */
const MOST_FAULTS = 10;

/** The faults of one document, the first of them; what only follows from another fault is left out. */
export function syntaxFaults(errors: readonly YAMLError[], text: string): readonly SyntaxFault[] {
  const seen = new Set<number>();
  const lost = errors.findIndex((error) => LOST.test(error.message));
  const told = lost < 0 ? errors : errors.slice(0, lost + 1);
  return told
    .flatMap((error) => {
      const fault = explain(error, text);
      if (seen.has(fault.offset)) return [];
      seen.add(fault.offset);
      return [fault];
    })
    .slice(0, MOST_FAULTS);
}

function explain(error: YAMLError, text: string): SyntaxFault {
  const offset = error.pos[0];
  const message = error.message.split('\n')[0] ?? error.message;
  const close = /^Flow (?:sequence|map) .*end with an? ([\]}])/.exec(message)?.[1];
  if (close !== undefined) return unclosed(text, offset, close);
  const known = EXPLANATIONS.find(([pattern]) => pattern.test(message))?.[1];
  return { offset, ...(known ?? { message }) };
}

/** The parser sees the fault where the text goes on; a person looks for the bracket that was left open. */
function unclosed(text: string, offset: number, close: string): SyntaxFault {
  const open = close === ']' ? '[' : '{';
  let depth = 0;
  let at = offset;
  for (let index = offset - 1; index >= 0; index--) {
    const char = text[index];
    if (char === close) depth++;
    else if (char === open && depth-- === 0) {
      at = index;
      break;
    }
  }
  return { offset: at, message: `"${open}" is opened and not closed`, fix: `Write "${close}" after the last entry.` };
}
