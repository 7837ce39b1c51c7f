import { ActionIcon, Popover, Tabs } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon } from '../../components/icons.tsx';
import { EXAMPLES, operandHelp, OPERATORS, type HelpRow } from '../../graph/find/help.ts';

const TABS: readonly (readonly [string, readonly HelpRow[]])[] = [
  ['Examples', EXAMPLES],
  ['Nodes', operandHelp('node')],
  ['Edges', operandHelp('edge')],
  ['Operators', OPERATORS],
];

/** The language of find and hide, explained. */
export function FindHelp(): ReactElement {
  return (
    <Popover position="bottom" shadow="md" width={520} trapFocus>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" aria-label="Find and hide help">
          <Icon name="question" />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <p className="help-lead">Find marks what an expression selects, Hide removes it. Enter applies, Tab completes a word.</p>
        <Tabs defaultValue="Examples">
          <Tabs.List>
            {TABS.map(([name]) => (
              <Tabs.Tab key={name} value={name}>
                {name}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {TABS.map(([name, rows]) => (
            <Tabs.Panel key={name} value={name}>
              <table className="help-table">
                <tbody>
                  {rows.map((row) => (
                    <tr key={row.expression}>
                      <td className="mono">{row.expression}</td>
                      <td>{row.meaning}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Tabs.Panel>
          ))}
        </Tabs>
      </Popover.Dropdown>
    </Popover>
  );
}
