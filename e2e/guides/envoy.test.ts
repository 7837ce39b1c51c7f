import { LONG_GUIDES, runGuides } from './run-guides.ts';

runGuides('envoy', { without: LONG_GUIDES });
