import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { runProcess, type Finished } from '../../support/start-process.ts';
import { goTool } from '../stack/install.ts';

export const CHART = fileURLToPath(new URL('../../../charts/tagseal', import.meta.url));
export const HELMS = ['helm3', 'helm4'] as const;
export type Helm = (typeof HELMS)[number];
export const NAMESPACE = 'tagseal-system';

/** The value files of charts/tagseal/ci, as users might write them. */
export const CASES: readonly string[] = readdirSync(join(CHART, 'ci')).map((name) =>
  name.replace('-values.yaml', ''),
);

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A rendered object; what is in it is for the test that looks at it. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export function valuesOf(name: string): readonly string[] {
  return ['-f', join(CHART, 'ci', `${name}-values.yaml`)];
}

export function runHelm(helm: Helm, ...args: readonly string[]): Promise<Finished> {
  return runProcess(goTool(helm), args);
}

export function template(helm: Helm, values: readonly string[]): Promise<Finished> {
  // a helm without a cluster takes the version that it was built for, and a plain build knows none
  const version = ['--kube-version', '1.37.2'];
  return runHelm(helm, 'template', 'tagseal', CHART, '--namespace', NAMESPACE, ...version, ...values);
}

export async function textOf(helm: Helm, values: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await template(helm, values);
  if (code !== 0) throw new Error(`helm template ${values.join(' ')} failed:\n${stderr}`);
  return stdout;
}

export async function objectsOf(helm: Helm, values: readonly string[]): Promise<readonly Rendered[]> {
  return parseObjects(await textOf(helm, values));
}

export function parseObjects(text: string): readonly Rendered[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const value = document.toJS() as Rendered | null;
    return value === null ? [] : [value];
  });
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumes: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
  readonly serviceAccountName: string;
  readonly priorityClassName?: string;
}

/** The Pods that the objects are, or make. */
export function podsOf(
  objects: readonly Rendered[],
): readonly { readonly of: string; readonly spec: PodSpec }[] {
  return objects.flatMap(({ kind, metadata, spec }) => {
    const of = `${kind} ${metadata.name}`;
    if (kind === 'Pod') return [{ of, spec: spec as PodSpec }];
    if (kind !== 'Deployment' && kind !== 'Job') return [];
    return [{ of, spec: (spec as { readonly template: { readonly spec: PodSpec } }).template.spec }];
  });
}

export interface WebhookEntry {
  readonly name: string;
  readonly failurePolicy: string;
  readonly clientConfig: { readonly caBundle?: string; readonly service: { readonly path: string } };
  readonly namespaceSelector?: {
    readonly matchExpressions: readonly {
      readonly key: string;
      readonly operator: string;
      readonly values: readonly string[];
    }[];
  };
  readonly rules: readonly { readonly resources: readonly string[] }[];
}

export function webhooksOf(objects: readonly Rendered[]): readonly WebhookEntry[] {
  return objects
    .filter(({ kind }) => kind.endsWith('WebhookConfiguration'))
    .flatMap(({ webhooks }) => webhooks as readonly WebhookEntry[]);
}
