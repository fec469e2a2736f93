import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterAuthority, Subject } from './certificates.ts';

/** Writes a kubeconfig with a client certificate for the subject; gives its path. */
export async function writeKubeconfig(at: {
  readonly folder: string;
  readonly name: string;
  readonly server: string;
  readonly authority: ClusterAuthority;
  readonly subject: Subject;
}): Promise<string> {
  const { certFile, keyFile } = await at.authority.issue(at.name, at.subject);
  const file = join(at.folder, `${at.name}.kubeconfig`);
  // JSON is YAML
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: at.server, 'certificate-authority': at.authority.caFile } },
    ],
    users: [{ name: at.name, user: { 'client-certificate': certFile, 'client-key': keyFile } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: at.name } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  return file;
}
