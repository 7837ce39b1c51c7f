import type { ReactElement } from 'react';
import { Icon, type IconName } from '../../components/icons.tsx';
import type { ConfigState, Message } from './model.ts';

export const STATE_LOOK: Readonly<Record<ConfigState, readonly [IconName, string]>> = {
  Valid: ['check', 'var(--success)'],
  Warning: ['warning', 'var(--warning)'],
  'Not Valid': ['error', 'var(--danger)'],
  'N/A': ['unknown', 'var(--soft)'],
};

const SEVERITY_STATE = { error: 'Not Valid', warning: 'Warning', info: 'N/A' } as const;

export function StateIcon({ state }: { readonly state: ConfigState }): ReactElement {
  const [icon, color] = STATE_LOOK[state];
  return <Icon name={icon} color={color} title={state} />;
}

/** What is wrong with an object: each message with its place and its remedy. */
export function Messages({ messages }: { readonly messages: readonly Message[] }): ReactElement {
  return (
    <ul className="messages" data-testid="config-messages">
      {messages.map((message) => (
        <MessageItem key={message.code + message.place + message.path + message.text} message={message} />
      ))}
    </ul>
  );
}

function MessageItem({ message }: { readonly message: Message }): ReactElement {
  const [icon, color] = STATE_LOOK[SEVERITY_STATE[message.severity]];
  return (
    <li>
      <Icon name={icon} color={color} title={message.severity} />
      <div>
        <b>{message.code}</b> {message.text}
        <div className="mono quiet">{[message.place, message.path].filter((part) => part !== '').join('  ')}</div>
        {message.fix !== '' && (
          <div className="fix">
            <b>Fix:</b>
            {message.fix.includes('\n') ? '\n' : ' '}
            {message.fix}
          </div>
        )}
      </div>
    </li>
  );
}
