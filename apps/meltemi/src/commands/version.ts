import { defineCommand, text } from '../define-command.ts';
import { structured } from '../output/output.ts';
import { VERSION } from '../version.ts';

export const version = defineCommand({
  name: 'version',
  summary: 'Print the version of the CLI and of what it runs on',
  options: [{ flags: '-o, --output <format>', text: 'how to print', choices: ['text', 'json', 'yaml'], default: 'text' }],
  async run({ options, out }) {
    const value = { meltemi: VERSION, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
    const format = text(options, 'output');
    out.line(format === 'json' || format === 'yaml' ? structured(value, format) : `meltemi ${value.meltemi} (Node ${value.node}, ${value.platform})`);
    return 0;
  },
});
