import { startEmbeddedLog } from '../../support/test-log.ts';
import { logContract } from './suite.ts';

logContract('the embedded log', () => startEmbeddedLog());
