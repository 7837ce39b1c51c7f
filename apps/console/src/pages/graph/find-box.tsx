import { Autocomplete, Tooltip } from '@mantine/core';
import { useEffect, useState, type KeyboardEvent, type ReactElement } from 'react';
import { Icon } from '../../components/icons.tsx';
import { completions, type HelpRow } from '../../graph/find/help.ts';
import { parseFind } from '../../graph/find/parse.ts';

interface FindBoxProps {
  readonly name: 'Find' | 'Hide';
  readonly value: string;
  readonly presets: readonly HelpRow[];
  readonly apply: (text: string) => void;
  readonly note?: string;
}

/** An expression of the find and hide language: Enter applies, Tab completes a word, presets are offered. */
export function FindBox({ name, value, presets, apply, note }: FindBoxProps): ReactElement {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const parsed = text.trim() === '' ? undefined : parseFind(text);
  const problem = parsed?.t === 'error' ? parsed.message : undefined;
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === 'Enter' && problem === undefined) apply(text.trim());
    if (event.key === 'Escape') setText(value);
    if (event.key !== 'Tab' || event.shiftKey) return;
    const [word] = completions(text);
    if (word === undefined) return;
    event.preventDefault();
    setText(text.replace(/[%\w:]+$/, `${word} `));
  };
  return (
    <Tooltip label={problem} opened={problem !== undefined && text !== value} position="bottom" color="red" withArrow>
      <div className="find-box">
        <Autocomplete
          size="xs"
          w={name === 'Find' ? 200 : 170}
          placeholder={`${name}...`}
          aria-label={`${name} expression`}
          value={text}
          error={problem !== undefined && text !== value}
          data={text === '' || presets.some((one) => one.expression === text) ? presets.map((one) => one.expression) : []}
          filter={({ options }) => options}
          renderOption={({ option }) => (
            <span className="preset">
              <b>{option.value}</b>
              <small>{presets.find((one) => one.expression === option.value)?.meaning}</small>
            </span>
          )}
          comboboxProps={{ width: 260, position: 'bottom-start', shadow: 'md' }}
          onChange={setText}
          onOptionSubmit={apply}
          onKeyDown={onKeyDown}
          rightSection={
            text === '' ? undefined : (
              <ClearButton
                name={name}
                clear={() => {
                  setText('');
                  apply('');
                }}
              />
            )
          }
        />
        {note !== undefined && (
          <span className="find-note" aria-live="polite">
            {note}
          </span>
        )}
      </div>
    </Tooltip>
  );
}

function ClearButton({ name, clear }: { readonly name: string; readonly clear: () => void }): ReactElement {
  return (
    <button type="button" className="clear" aria-label={`Clear ${name.toLowerCase()}`} onClick={clear}>
      <Icon name="close" size={10} />
    </button>
  );
}
