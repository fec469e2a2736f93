/**
 * Registries that everybody knows, as canonical names: their images are no secret, and they live in the public
 * internet, so no setting that merely lists them means a private address.
 */
export const PUBLIC_REGISTRIES: ReadonlySet<string> = new Set([
  'docker.io',
  'ghcr.io',
  'quay.io',
  'registry.k8s.io',
  'gcr.io',
  'mcr.microsoft.com',
  'public.ecr.aws',
  'registry.access.redhat.com',
  'docker.elastic.co',
  'nvcr.io',
  'cgr.dev',
]);
