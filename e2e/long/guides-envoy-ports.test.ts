import { LONG_GUIDES, runGuides } from '../guides/run-guides.ts';

runGuides('envoy', { guides: LONG_GUIDES });
