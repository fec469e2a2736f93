// Makes a namespace with a program in it, says its name, and waits to be killed.
import { startProcess } from '../../../support/start-process.ts';
import { startNamespace } from './namespace.ts';

const namespace = await startNamespace();
startProcess(...namespace.launch('sleep', ['123456']));
console.log(`namespace ${namespace.name}.`);
