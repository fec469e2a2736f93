/** The clouds whose registries take the identity of the machine or workload that asks. */
export const CLOUDS = ['aws', 'azure', 'google'] as const;
export type CloudName = (typeof CLOUDS)[number];

/** Whose registry it is, and what its cloud needs to know. */
export type Cloud =
  | { readonly name: 'aws'; readonly region: string; readonly isFips: boolean }
  | { readonly name: 'azure' }
  | { readonly name: 'google' };

// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html, with the dual-stack names and the partitions
const ECR =
  /^[0-9]{12}\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z0-9-]{1,40})\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)$/;
// https://cloud.google.com/artifact-registry/docs/transition/changes-docker
const GOOGLE = /^(?:(?:[a-z0-9-]{1,60}\.)?gcr\.io|[a-z0-9-]{1,60}\.pkg\.dev)$/;
// https://learn.microsoft.com/azure/container-registry/container-registry-concepts: public, China, US government
const AZURE = /^[a-z0-9]{5,50}(?:-[a-z0-9]{1,20})?\.azurecr\.(?:io|cn|us)$/;

/** By the host's name alone; anonymous registries of the clouds (`public.ecr.aws`) are none. */
export function cloudOf(registry: string): Cloud | undefined {
  const ecr = ECR.exec(registry)?.groups;
  if (ecr !== undefined) {
    return { name: 'aws', region: ecr['region'] ?? '', isFips: ecr['fips'] !== undefined };
  }
  if (GOOGLE.test(registry)) return { name: 'google' };
  return AZURE.test(registry) ? { name: 'azure' } : undefined;
}
