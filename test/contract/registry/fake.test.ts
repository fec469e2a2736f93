import { startFakeRegistry } from '../../support/fake-registry.ts';
import { registryContract } from './suite.ts';

registryContract('the fake', startFakeRegistry);
